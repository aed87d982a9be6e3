"""The rules at work: which fire, which questions they want asked, what is said on a path of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aimis.consult.model import Finding, Text, Urgency
from aimis.consult.ports import Facts, RaisedFlag
from aimis.consult.safety import expression, numbers, rules, screening

if TYPE_CHECKING:
    from aimis.consult.consultation import Person


class RedFlags:
    """The red-flag rules of a set of knowledge; implements ports.Safety. Holds no state of a consultation."""

    def __init__(
        self,
        *,
        red_flags: Sequence[rules.RedFlag],
        findings: Mapping[str, Finding],
        paths: numbers.Paths,
        screens: Sequence[screening.Screen] = (),
    ) -> None:
        self.red_flags = tuple(red_flags)
        self._findings = findings
        self._rules_on = _by_finding(self.red_flags)
        self._opening = frozenset(number for number, rule in enumerate(self.red_flags) if rule.opening)
        self._paths = paths
        self._screens = tuple(screens)

    def raised(self, facts: Facts) -> tuple[RaisedFlag, ...]:
        """The rules that fire, the most urgent first."""
        touched = (self.red_flags[number] for number in sorted(self._touched(facts)))
        return tuple(_raised(rule) for rule in touched if self._judged(rule, facts) is True)

    def worth_asking(self, facts: Facts) -> tuple[str, ...]:
        """Findings not yet known whose answer may make a rule fire above what has fired.

        Those of opening rules first; then those of rules partly met, by urgency and by how little is missing.
        """
        touched = self._touched(facts)
        judged = {number: self._judged(self.red_flags[number], facts) for number in sorted(touched | self._opening)}
        fired = (self.red_flags[number].urgency.rank for number in touched if judged[number] is True)
        highest = min(fired, default=len(Urgency))
        higher = (self.red_flags[number] for number, holds in judged.items() if holds is None)
        open_rules = [rule for rule in higher if rule.urgency.rank < highest and self._is_begun(rule, facts)]
        open_rules.sort(key=lambda rule: (not rule.opening, rule.urgency.rank, self._missing(rule, facts)))
        return tuple(dict.fromkeys(name for rule in open_rules for name in self._questions(rule, facts)))

    def due(self, facts: Facts) -> tuple[str, ...]:
        """Findings not yet known that everybody with this complaint is asked."""
        held = (one for one in self._screens if expression.judged(one.when, facts, self._findings) is True)
        return tuple(dict.fromkeys(name for one in held for name in one.ask if name not in facts.values))

    def open_questions(self, facts: Facts, unsaid: Collection[str]) -> tuple[str, ...]:
        """Questions about danger that apply to what is known and have no answer.

        Those of opening rules, those due, and what the person could not say where a yes would have made a rule fire
        that sends to an emergency department or above.
        """
        opening = (name for number in sorted(self._opening) for name in self._open_of(number, facts))
        decisive = (name for number in sorted(self._touched(facts)) for name in self._decisive(number, facts))
        asked = (*opening, *self._applying(self.due(facts), facts), *(name for name in decisive if name in unsaid))
        return tuple(dict.fromkeys(asked))

    def _open_of(self, number: int, facts: Facts) -> Iterator[str]:
        rule = self.red_flags[number]
        return self._questions(rule, facts) if self._judged(rule, facts) is None else iter(())

    def _decisive(self, number: int, facts: Facts) -> Iterator[str]:
        """What alone would make a rule fire."""
        rule = self.red_flags[number]
        if rule.urgency.rank > Urgency.EMERGENCY_DEPARTMENT.rank or self._judged(rule, facts) is not None:
            return
        if self._missing(rule, facts) == 1 and self._is_begun(rule, facts):
            yield from self._questions(rule, facts)

    def _applying(self, names: Iterable[str], facts: Facts) -> Iterator[str]:
        """Those that make sense for the person, and whose parent was not denied."""
        for name in names:
            finding = self._findings[name]
            parent = facts.values.get(finding.parent) if finding.parent else None
            if parent is not False and finding.is_for(facts.person.age_years, facts.person.sex):
                yield name

    def own_path(self, path: str, person: Person) -> Text:
        """What is said on a path of its own, with the emergency numbers of the person's country."""
        return self._paths.words(path, person.country)

    @property
    def countries(self) -> tuple[str, ...]:
        """Those whose numbers are known, by ISO 3166-1 alpha-2."""
        return tuple(code for code in self._paths.countries if code != numbers.ELSEWHERE)

    def _touched(self, facts: Facts) -> frozenset[int]:
        """The numbers of the rules that look at something known; no other one can fire."""
        return frozenset().union(*(self._rules_on.get(name, ()) for name in facts.values))

    def _judged(self, rule: rules.RedFlag, facts: Facts) -> bool | None:
        return expression.judged(rule.when, facts, self._findings)

    def _missing(self, rule: rules.RedFlag, facts: Facts) -> int:
        return expression.missing(rule.when, facts, self._findings)

    def _is_begun(self, rule: rules.RedFlag, facts: Facts) -> bool:
        """Something that the person has is a part of the rule; age alone is not."""
        asked = (leaf for leaf in expression.leaves(rule.when) if leaf.finding in facts.values)
        return rule.opening or any(expression.judged(leaf, facts, self._findings) for leaf in asked)

    def _questions(self, rule: rules.RedFlag, facts: Facts) -> Iterator[str]:
        for leaf in expression.undecided(rule.when, facts, self._findings):
            finding = self._findings.get(leaf.finding)
            if finding is not None and finding.is_for(facts.person.age_years, facts.person.sex):
                yield from self._with_parents(finding, facts)

    def _with_parents(self, finding: Finding, facts: Facts) -> Iterator[str]:
        """What must be asked before it makes sense, then itself."""
        if finding.parent is not None and finding.parent not in facts.values:
            yield from self._with_parents(self._findings[finding.parent], facts)
        yield finding.id


def _raised(rule: rules.RedFlag) -> RaisedFlag:
    return RaisedFlag(id=rule.id, urgency=rule.urgency, say=rule.say, why=rule.why, path=rule.path)


def _by_finding(red_flags: Sequence[rules.RedFlag]) -> dict[str, set[int]]:
    """Finding -> the numbers of the rules that look at it."""
    found: dict[str, set[int]] = {}
    for number, rule in enumerate(red_flags):
        for leaf in expression.leaves(rule.when):
            if leaf.finding != expression.AGE:
                found.setdefault(leaf.finding, set()).add(number)
    return found


def load(folder: Path, findings: Mapping[str, Finding]) -> RedFlags:
    """The rules in a set's folder: red_flags/*.yaml, screening.yaml, own_paths.yaml, emergency_numbers.yaml."""
    return RedFlags(
        red_flags=rules.load_red_flags(folder / "red_flags", findings),
        findings=findings,
        paths=numbers.load_paths(folder),
        screens=screening.load_screens(folder, findings),
    )
