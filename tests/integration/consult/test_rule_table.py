"""The whole rule table against a plain reading of its YAML, and every rule with every further finding."""

from collections import Counter

import pytest

from aimis.consult import model
from aimis.consult.safety import expression
from tests.unit.consult.safety import table

pytestmark = [pytest.mark.integration, pytest.mark.slow]
MOST_ROWS = 1024
HARMLESS = ("runny-nose", "sneezing", "tired", "itching", "dandruff", "wart", "hoarse", "sleep-bad", "stress-event")
VULNERABLE = ("pregnant", "immunosuppressed", "diabetes-known")


def test_every_rule_agrees_with_a_plain_reading() -> None:
    counts: Counter[bool] = Counter()
    for rule in table.ENGINE.red_flags:
        when = table.RULES[rule.id]["when"]
        for row in table.rows(when, MOST_ROWS):
            expected = table.holds(when, row)
            assert (expression.judged(rule.when, table.facts(row), table.FINDINGS) is True) == expected, (rule.id, row)
            counts[expected] += 1
    assert counts[True] > len(table.RULES)


def test_every_way_to_meet_a_rule_fires_and_no_part_of_it_can_be_missed() -> None:
    for rule in table.ENGINE.red_flags:
        when = table.RULES[rule.id]["when"]
        for way in table.ways(when):
            assert expression.judged(rule.when, table.facts(way), table.FINDINGS) is True, (rule.id, way)
            for left_out in way:
                part = {key: value for key, value in way.items() if key != left_out}
                judged = expression.judged(rule.when, table.facts(part), table.FINDINGS)
                assert (judged is True) == table.holds(when, part), (rule.id, part)


def test_harmless_symptom_or_vulnerability_never_lowers_any_rule() -> None:
    added: list[table.Assignment] = [
        {name: True} for name in (*HARMLESS, "pregnant", "immunosuppressed", "diabetes-known")
    ]
    for rule in table.RULES.values():
        way = table.ways(rule["when"])[0]
        urgency = table.urgency(way)
        assert urgency.rank <= model.Urgency(rule["urgency"]).rank
        assert all(table.urgency({**extra, **way}).rank <= urgency.rank for extra in added), rule["id"]
