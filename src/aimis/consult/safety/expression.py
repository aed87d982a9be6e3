"""What a red flag's `when` says, as a tree that is judged true, false or not yet known.

The language has `all` and `any`, and nothing that says no: whatever becomes known to be present can make a rule fire
and never stops one from firing. It cannot look at a person's sex or name. That urgency is only raised, whatever is
added, and that a woman's chest pain is a man's, follows from the form of the rules and not from care in writing them.

    chest-pain                         the finding is present
    {radiating-pain: [left-arm, jaw]}  one of these options was answered
    {temperature: ">=39"}              a number's bound, >= or <
    {age: "<0.25"}                     years; an age that is not known counts as 50 for >=, and meets no <
    {all: [...]}  {any: [...]}         of such
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from aimis.consult.model import Finding, Kind, Value, bound_of

if TYPE_CHECKING:
    from aimis.consult.ports import Facts

AGE = "age"
ASSUMED_YEARS = 50
"""Of whom no age is known: old enough for a heart attack, not so old that every fever needs a doctor. Judgement."""
REFUSED = {"not", "sex"}


@dataclass(frozen=True, kw_only=True)
class Has:
    """The finding is present, or one of the options was answered."""

    finding: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The number, or the age in years, lies on this side of the limit; `sign` is >= or <."""

    finding: str
    sign: str
    limit: float


@dataclass(frozen=True, kw_only=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Any:
    """One part holds at least."""

    parts: tuple[Node, ...]


Leaf = Has | Bound
Node = Has | Bound | All | Any
GROUPS = (All, Any)


def parse(given: object) -> Node:
    """The tree of a `when` as YAML holds it; ValueError says which part has no such form."""
    if isinstance(given, str):
        return Has(finding=given)
    if not isinstance(given, Mapping) or len(given) != 1:
        raise ValueError(f"{given!r} is neither a finding nor one key with its value")
    key, value = next(iter(given.items()))
    if key in {"all", "any"}:
        return _parsed_group(key, value)
    if value is True:
        return Has(finding=key)
    if isinstance(value, str) and key not in REFUSED:
        sign, limit = bound_of(value)
        return Bound(finding=key, sign=sign, limit=limit)
    if isinstance(value, list) and key not in REFUSED and all(isinstance(option, str) for option in value):
        return Has(finding=key, options=tuple(value))
    raise ValueError(f"{key}: {value!r} is neither a bound nor options; `not` and `sex` are no part of rules")


def _parsed_group(key: str, value: object) -> Node:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{key} needs a list")
    parts = tuple(parse(part) for part in value)
    return All(parts=parts) if key == "all" else Any(parts=parts)


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves from left to right."""
    if isinstance(node, GROUPS):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def check(node: Node, findings: Mapping[str, Finding]) -> None:
    """ValueError where a leaf names a finding or an option that is not there, or does not fit the finding's kind."""
    for leaf in leaves(node):
        if leaf.finding == AGE:
            if not isinstance(leaf, Bound):
                raise ValueError("age is given by a bound")
            continue
        finding = findings.get(leaf.finding)
        if finding is None:
            raise ValueError(f"there is no finding {leaf.finding}")
        if isinstance(leaf, Bound) != (finding.kind is Kind.NUMBER):
            raise ValueError(f"{leaf.finding} is {finding.kind}: a bound of a number, and of a number only")
        if isinstance(leaf, Has):
            finding.check_keys(leaf.options)


def judged(node: Node, facts: Facts, findings: Mapping[str, Finding]) -> bool | None:
    """Whether it holds; None as long as what is not known could decide it (Kleene's three values)."""
    if isinstance(node, GROUPS):
        return _judged_group(node, facts, findings)
    if node.finding == AGE:
        return _judged_age(node, facts)
    return _judged_leaf(node, facts.values.get(node.finding), facts, findings[node.finding])


def _judged_group(node: All | Any, facts: Facts, findings: Mapping[str, Finding]) -> bool | None:
    """One part decides: that which holds, of any, or does not, of all; else it is the other, if all are known."""
    decides = isinstance(node, Any)
    value: bool | None = not decides
    for part in node.parts:
        one = judged(part, facts, findings)
        if one is decides:
            return decides
        if one is None:
            value = None
    return value


def missing(node: Node, facts: Facts, findings: Mapping[str, Finding]) -> int:
    """How many more leaves must turn out to hold, at least; 0 of a tree that is known."""
    if not isinstance(node, GROUPS):
        return int(judged(node, facts, findings) is None)
    if judged(node, facts, findings) is not None:
        return 0
    needed = [one for part in node.parts if (one := missing(part, facts, findings))]
    return sum(needed) if isinstance(node, All) else min(needed)


def undecided(node: Node, facts: Facts, findings: Mapping[str, Finding]) -> Iterator[Leaf]:
    """The leaves that are not known and could still decide; those of the parts nearest to holding first."""
    if judged(node, facts, findings) is None:
        yield from _undecided(node, facts, findings)


def _undecided(node: Node, facts: Facts, findings: Mapping[str, Finding]) -> Iterator[Leaf]:
    """Of a tree that is not known."""
    if not isinstance(node, GROUPS):
        yield node
        return
    needed = [(one, part) for part in node.parts if (one := missing(part, facts, findings))]
    for _, part in sorted(needed, key=itemgetter(0)):
        yield from _undecided(part, facts, findings)


def _judged_age(node: Leaf, facts: Facts) -> bool | None:
    age_years = facts.person.age_years
    if not isinstance(node, Bound):
        return None
    if age_years is None:
        return (node.sign == ">=" and node.limit <= ASSUMED_YEARS) or None
    return _within(node, age_years)


def _within(bound: Bound, number: float) -> bool:
    return number >= bound.limit if bound.sign == ">=" else number < bound.limit


def _judged_leaf(leaf: Leaf, value: Value | None, facts: Facts, finding: Finding) -> bool | None:
    if value is None:
        parent = facts.values.get(finding.parent) if finding.parent else None
        return False if parent is False else None
    if isinstance(leaf, Bound):
        return isinstance(value, int | float) and not isinstance(value, bool) and _within(leaf, float(value))
    if not leaf.options:
        return finding.present(value)
    given = value if isinstance(value, tuple) else (value,)
    return any(option in given for option in leaf.options)
