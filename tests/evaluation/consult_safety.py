"""The figures of the safety layer and of the reading of free text: `python -m tests.evaluation.consult_safety`.

Rules and their citations; rows of the rule table held against a plain reading; written stories read as free text by
the rules alone, and with --dialogue through the whole consultation; precision and recall of the reading of text.
Exit status 1 where an emergency story falls below its urgency or over-triage is above its limit.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from aimis.consult import answers, assemble, model
from aimis.consult.consultation import Person
from aimis.consult.dialogue import Dialogue, Question, Start
from aimis.consult.language.reader import Reader
from aimis.consult.ports import Facts
from tests.unit.consult.safety import table

DATA = Path(__file__).parents[1] / "data" / "consult"
LANGUAGES: tuple[model.Language, ...] = ("en", "zh")
MOST_OVER_TRIAGE = 0.15
READER = Reader(table.FINDINGS)
U = model.Urgency


@dataclass(frozen=True, kw_only=True)
class Story:
    """What somebody writes, in both languages, and how soon they must be seen."""

    urgency: U
    person: Person
    text: model.Text


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One of the language test set. gold : each yes-no finding that it says, present or denied."""

    author: str
    language: model.Language
    text: str
    gold: dict[str, bool]


def stories(name: str) -> Iterator[Story]:
    """Of a file of data/consult."""
    for urgency, age, sex, en, zh in _rows(name):
        person = Person.model_validate({"age_years": float(age), "sex": sex})
        yield Story(urgency=U(urgency), person=person, text=model.Text(en=en, zh=zh))


def sentences(name: str) -> Iterator[Sentence]:
    """Of a file of data/consult."""
    for author, language, text, present, denied in _rows(name):
        gold = {**dict.fromkeys(present.split(), True), **dict.fromkeys(denied.split(), False)}
        yield Sentence(author=author, language="zh" if language == "zh" else "en", text=text, gold=gold)


def _rows(name: str) -> Iterator[list[str]]:
    lines = (DATA / f"{name}.psv").read_text(encoding="utf-8").splitlines()
    return (line.split("|") for line in lines[1:])


def urgency_by_rules(story: Story, language: model.Language) -> U:
    """Of the rules alone, from what is read in the text."""
    text = story.text.of(language)
    values = {one.finding: one.value for one in READER.understand(text, language)}
    person = READER.person(text, language, story.person)
    return model.most_urgent(flag.urgency for flag in table.ENGINE.raised(Facts(person=person, values=values)))


def urgency_by_dialogue(dialogue: Dialogue, story: Story, language: model.Language, *, answer: str) -> U:
    """At the end of the consultation, every question answered with `no` or `unknown`."""
    state = dialogue.begin(Start(person=story.person, language=language, text=story.text.of(language)))
    while isinstance(message := dialogue.message(state), Question):
        finding = message.finding
        reply: object = model.UNKNOWN
        if answer == "no" and finding.kind is model.Kind.YES_NO:
            reply = False
        elif answer == "no" and finding.none is not None:
            reply = [finding.none] if finding.kind is model.Kind.MANY_OF else finding.none
        try:
            state = dialogue.answer(state, reply)
        except answers.ReplyError:
            state = dialogue.answer(state, model.UNKNOWN)
    return dialogue.outcome(state).urgency


def told_apart(sentence: Sentence) -> tuple[int, int, int]:
    """Yes-no findings rightly read, wrongly read, and not read; a parent that follows from its child counts as none."""
    understood = READER.understand(sentence.text, sentence.language)
    read = {one.finding: one.value for one in understood if _is_yes_no(one.finding)}
    gold = {name: value for name, value in sentence.gold.items() if _is_yes_no(name)}
    parents = set(_parents([*gold, *read]))
    right = {name for name, value in read.items() if gold.get(name) is value}
    wrong = {name for name in set(read) - right if not (name in parents and read[name] is True)}
    return len(right), len(wrong), len(set(gold) - right)


def _is_yes_no(name: str) -> bool:
    return table.FINDINGS[name].kind is model.Kind.YES_NO


def _parents(names: list[str]) -> Iterator[str]:
    for name in names:
        parent = table.FINDINGS[name].parent
        while parent is not None:
            yield parent
            parent = table.FINDINGS[parent].parent


def main() -> int:
    """Measure and print."""
    console = Console(highlight=False)
    console.print(_rules())
    fails = _stories(console, "rules on the text alone", lambda story, language, _: urgency_by_rules(story, language))
    if "--dialogue" in sys.argv:
        dialogue = assemble.open_dialogue()
        fails += _stories(
            console,
            "whole consultation",
            lambda story, language, answer: urgency_by_dialogue(dialogue, story, language, answer=answer),
        )
    for name in ("language", "language_held_out"):
        console.print(_language(name))
    return 1 if fails else 0


def _rules() -> Table:
    rules = table.ENGINE.red_flags
    sources = {(cited.source, cited.title) for rule in rules for cited in rule.citations}
    rows: Counter[bool] = Counter()
    for rule in table.RULES.values():
        rows.update(table.holds(rule["when"], row) for row in table.rows(rule["when"], 1024))
    shown = Table("what", "count", title="red-flag rules")
    by_urgency = Counter(str(rule.urgency) for rule in rules)
    shown.add_row("rules", f"{len(rules)} ({', '.join(f'{n} {u}' for u, n in sorted(by_urgency.items()))})")
    shown.add_row("citations; different sources", f"{sum(len(rule.citations) for rule in rules)}; {len(sources)}")
    said = (sum(len(rule.examples) for rule in rules), sum(len(rule.counter_examples) for rule in rules))
    shown.add_row("examples, counter-examples (each in both languages)", f"{said[0]}, {said[1]}")
    shown.add_row("ways to meet a rule", str(sum(len(table.ways(rule["when"])) for rule in table.RULES.values())))
    shown.add_row("rows of the truth tables: fire, do not fire", f"{rows[True]}, {rows[False]}")
    shown.add_row("countries with numbers", str(len(table.ENGINE.countries)))
    return shown


def _stories(console: Console, how: str, urgency: Callable[[Story, model.Language, str], U]) -> int:
    """Prints both sets; how many limits are not held."""
    shown = Table("stories", "language", "of", "below their urgency", "over-triaged", title=how)
    below = over = count = 0
    for language in LANGUAGES:
        found = [(story, urgency(story, language, "unknown")) for story in stories("emergency")]
        low = [story for story, got in found if got.rank > story.urgency.rank]
        shown.add_row("emergency", language, str(len(found)), str(len(low)), "")
        below += len(low)
        calm = [(story, urgency(story, language, "no")) for story in stories("non_urgent")]
        high = [story for story, got in calm if got.rank <= U.SAME_DAY.rank]
        shown.add_row("non-urgent", language, str(len(calm)), "", f"{len(high)} ({len(high) / len(calm):.1%})")
        over, count = over + len(high), count + len(calm)
    console.print(shown)
    return below + (over > MOST_OVER_TRIAGE * count)


def _language(name: str) -> Table:
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for sentence in sentences(name):
        for key in ((sentence.language, sentence.author), (sentence.language, "all")):
            counts[key] = [a + b for a, b in zip(counts[key], (1, *told_apart(sentence)), strict=True)]
    shown = Table("language", "author", "sentences", "precision", "recall", title=f"reading of text: {name}")
    for (language, author), (number, right, wrong, missed) in sorted(counts.items()):
        precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
        shown.add_row(language, author, str(number), f"{precision:.3f}", f"{recall:.3f}")
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
