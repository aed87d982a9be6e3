"""Which screenings somebody is offered, by rules as data, and which questions are still needed to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, TypeAdapter

from aimis.consult import loader
from aimis.consult.model import Citation, Finding, Id, Record, Text, Value
from aimis.consult.safety import expression

if TYPE_CHECKING:
    from aimis.consult.ports import Facts

FILE = Path(__file__).parent / "screenings.yaml"


class Screening(Record):
    """An examination that is offered by a rule.

    reader : which of AIMIS's readers reads it
    after, when, unless : in the language of red flags; a person whose age is not known is offered none
    snomed : SNOMED CT concept of the procedure
    """

    id: Id
    reader: Id
    name: Text
    after: object
    when: object
    unless: object
    priority: Literal["routine", "urgent"]
    why: Text
    snomed: str | None = None
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Screenings:
    """The rules, and the findings that they ask for beside those of the consultation."""

    rules: tuple[Screening, ...]
    own: Mapping[str, Finding]
    findings: Mapping[str, Finding]

    def proposed(self, facts: Facts) -> tuple[Screening, ...]:
        """Those whose rule holds."""
        return tuple(rule for rule in self.rules if self._state(rule, facts) is True)

    def questions(self, facts: Facts) -> tuple[Finding, ...]:
        """What would tell of a screening that may be due, and was not asked yet."""
        wanted = dict.fromkeys(
            leaf.finding
            for rule in self.rules
            if self._state(rule, facts) is None and self._holds(rule, "after", facts)
            for leaf in expression.undecided(self._trees[rule.id, "when"], facts, self._all)
            if leaf.finding in self.own
        )
        return tuple(self.own[finding] for finding in wanted)

    def answered(self, facts: Facts, answers: Mapping[str, Value]) -> Facts:
        """The facts with answers to our own questions."""
        ours = {finding: value for finding, value in answers.items() if finding in self.own}
        return replace(facts, values={**facts.values, **ours})

    def _state(self, rule: Screening, facts: Facts) -> bool | None:
        if facts.person.age_years is None or self._holds(rule, "unless", facts):
            return False
        return expression.judged(self._trees[rule.id, "when"], facts, self._all)

    def _holds(self, rule: Screening, part: str, facts: Facts) -> bool:
        return expression.judged(self._trees[rule.id, part], facts, self._all) is True

    @cached_property
    def _all(self) -> Mapping[str, Finding]:
        return {**self.findings, **self.own}

    @cached_property
    def _trees(self) -> Mapping[tuple[str, str], expression.Node]:
        return {
            (rule.id, part): expression.parse(getattr(rule, part))
            for rule in self.rules
            for part in ("after", "when", "unless")
        }

    def check(self) -> None:
        """ValueError where a rule names what is not there."""
        for tree in self._trees.values():
            expression.check(tree, self._all)


def load_screenings(findings: Mapping[str, Finding]) -> Screenings:
    """The rules that can be judged with these findings; other knowledge than ours may lack what a rule looks at."""
    given = loader.read_yaml(FILE)
    own = [loader.checked(Finding, finding, FILE) for finding in given["findings"]]
    rules = TypeAdapter(tuple[Screening, ...]).validate_python(given["screenings"])
    known = Screenings(rules=rules, own={finding.id: finding for finding in own}, findings=findings)
    loader.SHELF.save()
    usable = tuple(rule for rule in rules if _is_usable(replace(known, rules=(rule,))))
    return replace(known, rules=usable)


def _is_usable(one: Screenings) -> bool:
    try:
        one.check()
    except ValueError:
        return False
    return True
