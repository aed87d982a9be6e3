"""The story for the doctor as SBAR: situation, background, assessment, recommendation.

Source of the form: NHS England, "SBAR communication tool: situation, background, assessment, recommendation".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aimis.consult.handover.case import Case, load_words, present, said
from aimis.consult.model import UNKNOWN, Finding, Value

BACKGROUND_GROUP = "before"


@dataclass(frozen=True, kw_only=True)
class Sbar:
    """Lines of text under each heading; and every question with its answer, as they were put."""

    situation: tuple[str, ...]
    background: tuple[str, ...]
    assessment: tuple[str, ...]
    recommendation: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


def write(case: Case, language: str) -> Sbar:
    """The case in words."""
    return Sbar(
        situation=tuple(_situation(case, language)),
        background=tuple(_background(case, language)),
        assessment=tuple(_assessment(case, language)),
        recommendation=tuple(_recommendation(case, language)),
        asked=tuple((finding.question.of(language), said(finding, value, language)) for finding, value in _known(case)),
    )


def who(case: Case, language: str) -> str:
    """Sex and age, and nothing else that tells who it is."""
    words, person = load_words(language), case.consultation.person
    if person.age_years is None:
        age = words["age-unknown"]
    elif person.age_years < 2:
        age = words["age-months"].format(age=round(person.age_years * 12))
    else:
        age = words["age-years"].format(age=int(person.age_years))
    return words["comma"].join([words[f"sex-{person.sex or 'unknown'}"], age])


def _situation(case: Case, language: str) -> Iterable[str]:
    words = load_words(language)
    yield who(case, language)
    told = " / ".join(case.consultation.told)
    yield words["consults-for"].format(told=told) if told else words["consults-unsaid"]
    yield words["urgency"].format(urgency=words[f"urgency-{case.urgency}"])
    flags = words["stop"].join(flag.why.of(language) for flag in case.flags)
    yield words["flags"].format(flags=flags) if flags else words["no-flags"]


def _background(case: Case, language: str) -> Iterable[str]:
    known = [(f, v) for f, v in _known(case) if f.group == BACKGROUND_GROUP and v != UNKNOWN and f.present(v)]
    words = load_words(language)
    yield words["known-before"].format(findings=_listed(known, language)) if known else words["known-nothing"]


def _assessment(case: Case, language: str) -> Iterable[str]:
    words = load_words(language)
    known = [(finding, value) for finding, value in _known(case) if finding.group != BACKGROUND_GROUP]
    there = [(f, v) for f, v in known if v != UNKNOWN and f.present(v)]
    absent = [f.short.of(language) for f, v in _known(case) if v != UNKNOWN and not f.present(v)]
    unknown = [f.short.of(language) for f, v in _known(case) if v == UNKNOWN]
    yield words["findings-present"].format(findings=_listed(there, language) or words["none"])
    yield words["findings-absent"].format(findings=words["comma"].join(absent) or words["none"])
    if unknown:
        yield words["findings-unknown"].format(findings=words["comma"].join(unknown))
    yield from (words[f"caution-{caution}"] for caution in case.cautions)
    if case.abstained:
        yield words["abstained"]
    else:
        yield words["explanations"].format(conditions=_explained(case, language) or words["none"])


def _recommendation(case: Case, language: str) -> Iterable[str]:
    words = load_words(language)
    yield words["advice"].format(urgency=words[f"urgency-{case.urgency}"])
    for screening in case.screenings:
        yield words["screening-ordered" if screening.id in case.ordered else "screening"].format(
            name=screening.name.of(language),
            why=screening.why.of(language),
            source=words["stop"].join(f"{c.source} {c.year or ''}".strip() for c in screening.citations),
        )
    yield words["machine"]


def _known(case: Case) -> list[tuple[Finding, Value]]:
    return [(case.findings[finding], value) for finding, value in case.answers.items() if finding in case.findings]


def _listed(known: Iterable[tuple[Finding, Value]], language: str) -> str:
    return load_words(language)["stop"].join(present(finding, value, language) for finding, value in known)


def _explained(case: Case, language: str) -> str:
    words = load_words(language)
    return words["stop"].join(
        words["probability"].format(
            name=explanation.condition.name.of(language), percent=round(explanation.probability * 100)
        )
        for explanation in case.explanations
    )
