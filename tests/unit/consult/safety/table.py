"""The rule table as its YAML says it, read and judged without the engine: what the engine is held against."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aimis.consult import loader, model
from aimis.consult.consultation import Person
from aimis.consult.ports import Facts
from aimis.consult.safety import redflags

FOLDER = loader.KNOWLEDGE / "primary"
FINDINGS = dict(loader._findings(FOLDER / "findings"))
ENGINE = redflags.load(FOLDER, FINDINGS)
RULES: dict[str, Any] = {
    rule["id"]: rule for path in sorted((FOLDER / "red_flags").glob("*.yaml")) for rule in loader.read_yaml(path)
}
Assignment = dict[str, Any]
"""Finding -> value, and `age` -> years or None."""


def load(path: Path) -> Any:
    return loader.read_yaml(path)


def holds(when: Any, given: Assignment) -> bool:
    """The oracle: a plain reading of the YAML, `given` being all that is known."""
    if isinstance(when, str):
        return _is_present(when, given.get(when))
    ((key, value),) = when.items()
    if key in {"all", "any"}:
        return (all if key == "all" else any)(holds(part, given) for part in value)
    known = given.get(key)
    if isinstance(value, list):
        return known is not None and bool(set(value) & set(known if isinstance(known, tuple) else (known,)))
    if key == "age" and known is None:
        return value.startswith(">=") and float(value[2:]) <= 50
    return known is not None and (known >= float(value[2:]) if value.startswith(">=") else known < float(value[1:]))


def _is_present(name: str, value: Any) -> bool:
    return value is not None and FINDINGS[name].present(value)


def ways(when: Any) -> list[Assignment]:
    """Each way to meet a rule with one choice at every `any`."""
    if isinstance(when, str):
        return [{when: _present_value(FINDINGS[when])}]
    ((key, value),) = when.items()
    if key == "any":
        return [way for part in value for way in ways(part)]
    if key == "all":
        return [merged for parts in itertools.product(*map(ways, value)) if (merged := _merged(parts)) is not None]
    return [{key: single} for single in _values(key, value)]


def _present_value(finding: model.Finding) -> model.Value:
    if finding.kind is model.Kind.YES_NO:
        return True
    option = next(name for name in finding.option_ids if name != finding.none)
    return (option,) if finding.kind is model.Kind.MANY_OF else option


def _values(key: str, value: Any) -> list[Any]:
    if isinstance(value, list):
        many = FINDINGS[key].kind is model.Kind.MANY_OF
        return [(option,) if many else option for option in value]
    return [float(value[2:]) if value.startswith(">=") else float(value[1:]) - 0.01]


def _merged(parts: tuple[Assignment, ...]) -> Assignment | None:
    """The parts together; None where they give one finding two values."""
    merged: Assignment = {}
    for part in parts:
        for key, value in part.items():
            if merged.get(key, value) != value:
                return None
            merged[key] = value
    return merged


def rows(when: Any, most: int) -> Iterator[Assignment]:
    """Rows of a rule's truth table: all, or `most` drawn with a fixed seed where there are more."""
    choices = {
        key: [None, *_answers(key, when)] for key in sorted({key for way in ways(when) for key in way} | _keys(when))
    }
    every = [len(values) for values in choices.values()]
    if math.prod(every) <= most:
        drawn: Iterator[tuple[Any, ...]] = itertools.product(*choices.values())
    else:
        draw = random.Random(7)  # noqa: S311, rows of a table
        drawn = (tuple(values[int(draw.random() * len(values))] for values in choices.values()) for _ in range(most))
    for values in drawn:
        yield {key: value for key, value in zip(choices, values, strict=True) if value is not None}


def _keys(when: Any) -> set[str]:
    if isinstance(when, str):
        return {when}
    ((key, value),) = when.items()
    return set().union(*map(_keys, value)) if key in {"all", "any"} else {key}


def _answers(key: str, when: Any) -> list[Any]:
    """What may be known of a finding: yes and no, each option alone, both sides of each bound."""
    if key == "age" or FINDINGS[key].kind is model.Kind.NUMBER:
        limits = sorted(set(_limits(key, when)))
        return [value for limit in limits for value in (limit - 0.01, limit)]
    finding = FINDINGS[key]
    if finding.kind is model.Kind.YES_NO:
        return [True, False]
    return [(option,) if finding.kind is model.Kind.MANY_OF else option for option in finding.option_ids]


def _limits(key: str, when: Any) -> Iterator[float]:
    if isinstance(when, Mapping):
        ((name, value),) = when.items()
        if name in {"all", "any"}:
            for part in value:
                yield from _limits(key, part)
        elif name == key:
            yield float(value.lstrip("<>="))


def facts(given: Assignment, **person: Any) -> Facts:
    values = {key: value for key, value in given.items() if key != "age"}
    return Facts(person=Person(age_years=given.get("age"), **person), values=values)


def urgency(given: Assignment, **person: Any) -> model.Urgency:
    return model.most_urgent(flag.urgency for flag in ENGINE.raised(facts(given, **person)))
