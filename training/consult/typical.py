"""How the set that people meet by default tells its own typical patients apart, played question by question.

    python -m training.consult.typical [--only ID ...] [--seeds N]

Each condition's patient comes with the least telling of its typical findings, the one that most people without it have
too (fever, not chemotherapy; a wound, not a snake), and answers what is asked as the bands have it: with the likeliest
option, with no where a finding is not typical of the condition. The patients are made from the knowledge
that they are played against, so the figures tell whether fifteen questions find what is there, not whether it is true.
With `--seeds` the emergencies' patients are played so often with other wrong answers, for one seed swings widely.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimis.consult import assemble
from aimis.consult.consultation import Person
from aimis.consult.dialogue import Dialogue, Start
from aimis.consult.model import UNKNOWN, Condition, Finding, Kind, Sex, Urgency, bound_of

TYPICAL = 0.4
"""A finding or option so likely in the condition is one that its typical patient has."""
WRONG = 0.05
OLDEST = 90
NO_COMPLAINT = frozenset({"before", "how-it-began", "danger", "exposure", "home"})
"""Groups of findings for which nobody comes."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the typical patient of a condition was told. place : of the condition, 1 is first; 0 is not listed."""

    condition: Condition
    urgency: Urgency
    place: int
    questions: int

    @property
    def steps(self) -> int:
        """How much less urgent than the condition is; negative is more urgent."""
        return self.urgency.rank - self.condition.urgency.rank


def typical_person(condition: Condition) -> Person:
    """In the middle of the age range that it meets most."""
    first, last = max(condition.age, key=lambda years: condition.age[years], default=(18, 60))
    women, men = condition.sex.get("F", 1), condition.sex.get("M", 1)
    sex: Sex = "F" if women >= men else "M"
    return Person(age_years=(first + min(last, OLDEST)) / 2, sex=sex)


def typical_answers(dialogue: Dialogue, condition: Condition, person: Person) -> Iterator[tuple[str, object]]:
    """Each finding that the typical patient has, in the order of the condition's file."""
    knowledge = dialogue.net.knowledge
    for name, given in condition.findings.items():
        finding = knowledge.findings[name]
        if not finding.is_for(person.age_years, person.sex):
            continue
        if isinstance(given, Mapping):
            chances = {key: knowledge.bands.chance(band) for key, band in given.items()}
            if (reply := typical_reply(finding, chances)) is not None:
                yield name, reply
        elif knowledge.bands.chance(given) >= TYPICAL:
            yield name, True


def typical_reply(finding: Finding, chances: Mapping[str, float]) -> object:
    """The likeliest option, all likely ones of a many-of, the highest likely bound of a number; None without any."""
    likely = {key: chance for key, chance in chances.items() if chance >= TYPICAL}
    if not likely:
        return None
    if finding.kind is Kind.NUMBER:
        return max(bound_of(key)[1] for key in likely)
    return list(likely) if finding.kind is Kind.MANY_OF else max(likely, key=lambda key: likely[key])


def play(dialogue: Dialogue, condition: Condition, wrong: float, rng: random.Random) -> Told:
    """One patient from the complaint to the outcome."""
    person = typical_person(condition)
    has = dict(typical_answers(dialogue, condition, person))
    complaint = complaint_of(dialogue, has)
    state = dialogue.begin(Start(person=person, evidence={complaint: has[complaint]}))
    while state.asking is not None:
        finding = dialogue.net.knowledge.findings[state.asking]
        state = dialogue.answer(state, _lie(finding, has, rng) if rng.random() < wrong else _truth(finding, has))
    outcome = dialogue.outcome(state)
    names = [one.condition.id for one in outcome.explanations]
    place = names.index(condition.id) + 1 if condition.id in names else 0
    return Told(condition=condition, urgency=outcome.urgency, place=place, questions=outcome.questions)


def complaint_of(dialogue: Dialogue, has: Mapping[str, object]) -> str:
    """The commonest yes-no finding of these in those who consult for something else; the first where there is none."""
    findings = [dialogue.net.knowledge.findings[name] for name, value in has.items() if value is True]
    usual = {
        finding.id: finding.background
        for finding in findings
        if isinstance(finding.background, float) and finding.group not in NO_COMPLAINT
    }
    return max(usual, key=lambda name: usual[name], default=next(iter(has)))


def _truth(finding: Finding, has: Mapping[str, object]) -> object:
    if finding.id in has:
        return has[finding.id]
    if finding.kind is Kind.YES_NO:
        return False
    return UNKNOWN if finding.none is None else finding.none


def _lie(finding: Finding, has: Mapping[str, object], rng: random.Random) -> object:
    """The opposite of a yes or no, else anything that can be answered."""
    if finding.kind is Kind.YES_NO:
        return finding.id not in has
    if finding.kind is Kind.NUMBER:
        return rng.uniform(*(finding.range or (0, 0)))
    return rng.choice(finding.option_ids)


def play_all(dialogue: Dialogue, conditions: Iterable[Condition], wrong: float, seed: int = 0) -> list[Told]:
    """One patient a condition, each with chance of its own."""
    chances = ((one, random.Random(f"{one.id} {seed}" if seed else one.id)) for one in conditions)  # noqa: S311, no secret
    return [play(dialogue, one, wrong, rng) for one, rng in chances]


def report(told: Sequence[Told]) -> Iterator[str]:
    """Lines to print: how often first, and by the condition's urgency how often told less or more urgent."""
    places = np.array([one.place for one in told])
    questions = np.mean([one.questions for one in told])
    yield (
        f"{len(told)} typical patients: top-1 {np.mean(places == 1):.3f},"
        f" top-3 {np.mean((places > 0) & (places <= 3)):.3f}, questions {questions:.1f}"
    )
    for urgency in Urgency:
        steps = [one.steps for one in told if one.condition.urgency is urgency]
        if steps:
            yield (
                f"  {urgency}: {len(steps)}, less urgent {sum(s > 0 for s in steps)}"
                f" (by two steps or more {sum(s > 1 for s in steps)}), more urgent {sum(s < 0 for s in steps)}"
            )
    late = Counter({one.condition.id: one.steps for one in told if one.steps > 1 and one.condition.urgency.rank <= 1})
    if late:
        yield "  dangerous, two steps late or more: " + ", ".join(f"{name} {by}" for name, by in late.most_common())


def late_emergencies(dialogue: Dialogue, conditions: Iterable[Condition], seeds: int) -> str:
    """How many emergencies are told two steps or more too late, on average over seeds, with its 95 % interval."""
    own = [one for one in conditions if one.urgency is Urgency.EMERGENCY]
    late = [sum(t.steps > 1 for t in play_all(dialogue, own, WRONG, seed)) for seed in range(seeds)]
    reach = 1.96 * float(np.std(late, ddof=1)) / seeds**0.5
    mean = float(np.mean(late))
    told = f"{mean:.2f} ({mean - reach:.1f}-{mean + reach:.1f})"
    return f"of {len(own)} emergencies two steps late or more, {seeds} seeds: {told}"


def main(only: Sequence[str] = (), seeds: int = 0) -> None:
    """Print the figures of truthful patients and of those of whom one answer in twenty is wrong."""
    dialogue = assemble.open_dialogue()
    conditions = [one for one in dialogue.net.conditions if not only or one.id in only]
    for wrong in (0.0, WRONG):
        print(f"answers wrong with chance {wrong:g}:", flush=True)
        for line in report(play_all(dialogue, conditions, wrong)):
            print(line, flush=True)
    if seeds > 1:
        print(late_emergencies(dialogue, conditions, seeds), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=(), help="ids of conditions")
    parser.add_argument(
        "--seeds", type=int, default=0, help="how often emergencies are played with other wrong answers"
    )
    asked = parser.parse_args()
    main(asked.only, asked.seeds)
