"""Decisions of the fundus readers never contradict each other, whatever the network says and a site decides."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.reading import Finding, Outcome, ReaderIdentity, Reading, Source, Status
from aimis.inference.memory import FunctionEngine
from aimis.readers import fundus
from aimis.readers.fundus import advice, decide, network, quality
from aimis.readers.fundus.read import FundusReader
from aimis.readers.manifest import OPERATING_POINTS, Manifest, read_manifest, with_thresholds
from aimis.reports import document
from aimis.reports.json import to_interface
from aimis.reports.texts import Texts, load_texts
from training.fundus.marks import contradicts, eyes_of
from training.fundus.points import FLOOR, PROMISED

SAMPLED = 10_000
CLEAR = quality.Quality(light=0.5, burnt=0.0, colour=0.3, warmth=0.6, contrast=0.05, detail=0.02, field=1.0, shaded=0.0)
NAMES = (*decide.IMPLIES, decide.ABNORMAL)
PROBABILITIES = st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(0, 1)))


@cache
def shipped() -> Manifest:
    return read_manifest(Path(fundus.__file__).parent)


def reader(manifest: Manifest, point: str) -> FundusReader:
    engine = FunctionEngine(function=dict)
    return FundusReader(manifest, frozenset(manifest.reader_ids), point, engine)


def outcomes(own: FundusReader, logits: np.ndarray) -> dict[str, Outcome]:
    output = network.Output(
        logits=logits, evidence=logits[:, None, None], gate=9.0, disc=np.full((1, 24), 1 / 24, np.float32)
    )
    seen = own._decided(output, CLEAR, (0.0, 0.0, 9.0, 9.0))
    return {entry.id: own._judge(entry, seen) for entry in shipped().readers}


def reading(reader_id: str, outcome: Outcome) -> Reading:
    identity = ReaderIdentity(reader=reader_id, version="1", weights_sha256="", engine="", operating_point="balanced")
    return Reading(
        source=Source(path="eye"), identity=identity, outcome=outcome, seconds=0, read_at_utc="2026-01-01T00:00:00Z"
    )


def site_thresholds(rng: np.random.Generator) -> dict[str, dict[str, float | str]]:
    """Any number of findings, each with any threshold or an operating point."""
    own: dict[str, dict[str, float | str]] = {}
    for entry in shipped().readers:
        for finding in entry.findings:
            if rng.random() < 0.4:
                value = rng.choice([0.0, 1.0, rng.random()]) if rng.random() < 0.7 else rng.choice(OPERATING_POINTS)
                own.setdefault(entry.id, {})[finding.name] = str(value) if isinstance(value, str) else float(value)
    return own


def test_no_sampled_output_gives_a_contradiction() -> None:
    rng = np.random.default_rng(17)
    texts = load_texts("en", [shipped().text_paths])
    readers = [reader(shipped(), point) for point in OPERATING_POINTS]
    readers += [
        reader(with_thresholds(shipped(), site_thresholds(rng)), str(rng.choice(OPERATING_POINTS))) for _ in range(100)
    ]
    wrong, read = 0, 0
    for number in range(SAMPLED):
        logits = rng.normal(rng.normal(-1, 2), 3, len(network.TARGETS)).astype(np.float32)
        said = outcomes(readers[number % len(readers)], logits)
        lines = [to_interface(reading(name, each), texts) for name, each in said.items()]
        (eye,) = eyes_of(lines).values()
        wrong += contradicts(eye) or advised_otherwise(said) or shown_otherwise(said, texts)
        read += bool(eye["findings"])
    assert wrong == 0
    assert read > SAMPLED / 2


def advised_otherwise(said: dict[str, Outcome]) -> bool:
    """Whether the advice on retinopathy is not the grade's, or some says that nothing was found where something was."""
    present = {f.name for outcome in said.values() for f in outcome.findings if f.present}
    given = {code for outcome in said.values() if outcome.status is Status.READ for code in outcome.advice}
    grades = {c.value for outcome in said.values() for c in outcome.classifications}
    by_grade = {code for code in given if code.startswith("icdr-")}
    calm = "no-finding-rescreen" in given and any(f.present for f in said["fundus-disease"].findings)
    return (
        len(by_grade) != len(grades)
        or any(f"icdr-{g}-" not in c for g in grades for c in by_grade)
        or calm
        or (present == {decide.ABNORMAL, decide.ANY} and "abnormal-refer" in given)
    )


def shown_otherwise(said: dict[str, Outcome], texts: Texts) -> bool:
    """Whether a row of the page shows a probability above that of what it implies."""
    rows = {f.name: document.row(f, texts) for outcome in said.values() for f in outcome.findings}
    absent = texts.label("not-present")
    return any(
        row.probability > rows[implied].probability or (row.present and rows[implied].decision == absent)
        for name, row in rows.items()
        for implied in decide.with_implied(name)
        if implied in rows
    )


@given(PROBABILITIES, PROBABILITIES)
def test_what_a_present_finding_implies_is_present(raw: dict[str, float], thresholds: dict[str, float]) -> None:
    found = decide.present(decide.consistent(raw), thresholds)
    assert all(decide.with_implied(name) <= found for name in found)


@given(PROBABILITIES, PROBABILITIES, st.floats(0, 4))
def test_grade_says_what_the_findings_say(raw: dict[str, float], thresholds: dict[str, float], expected: float) -> None:
    found = decide.present(decide.consistent(raw), thresholds)
    grade = decide.grade(found, expected, (1.7, 2.5))
    assert (grade >= 1) == (decide.ANY in found)
    assert (grade >= 2) == (decide.REFERABLE in found)


@given(PROBABILITIES)
def test_nothing_is_likelier_than_what_it_implies(raw: dict[str, float]) -> None:
    told = decide.consistent(raw)
    assert all(told[name] <= told[implied] for name in told for implied in decide.with_implied(name))
    untouched = set(NAMES) - {decide.OEDEMA, decide.ANY, decide.ABNORMAL}
    assert all(told[name] == raw[name] for name in untouched)


@given(PROBABILITIES, PROBABILITIES)
def test_certainty_is_how_far_the_mark_is_from_turning(raw: dict[str, float], thresholds: dict[str, float]) -> None:
    told = decide.consistent(raw)
    certainty = decide.certainty(told, thresholds, frozenset(NAMES))
    assert 0 <= certainty <= 1
    less, marked = 0.9 * certainty, bool(decide.present(told, thresholds))
    nearer = {n: t + less * (1 - t) if marked else t - less * t for n, t in thresholds.items()}
    assert bool(decide.present(told, nearer)) == marked


@pytest.mark.parametrize("point", OPERATING_POINTS)
def test_nothing_is_called_present_at_a_probability_that_no_doctor_would_act_on(point: str) -> None:
    findings = [finding for entry in shipped().readers for finding in entry.findings]
    assert {f.name: f.threshold(point) for f in findings if f.threshold(point) < FLOOR} == {}
    assert len(findings) == len(NAMES)


@pytest.mark.parametrize("point", OPERATING_POINTS)
def test_share_of_normal_eyes_with_any_mark_keeps_what_is_promised(point: str) -> None:
    for entry in shipped().readers:
        (normal,) = [rate for rate in entry.rates if rate.point == point and rate.finding is None]
        assert normal.value <= PROMISED[point]
        assert {rate.finding for rate in entry.rates if rate.point == point} == {
            None,
            *(f.name for f in entry.findings),
        }


def test_site_thresholds_take_their_rates_away_and_those_of_what_they_imply() -> None:
    own = with_thresholds(shipped(), {"diabetic-retinopathy": {decide.REFERABLE: 0.5}})
    said = outcomes(reader(own, "balanced"), np.full(len(network.TARGETS), -9.0, np.float32))
    told = {rate.finding for outcome in said.values() for rate in outcome.rates}
    assert told.isdisjoint({None, decide.REFERABLE, decide.ANY, decide.ABNORMAL})
    assert {decide.OEDEMA, "glaucoma"} <= told


def test_mild_retinopathy_is_advised_by_its_grade_alone() -> None:
    seen = partial(Finding, probability=0.5)
    mild = (seen(name=decide.ANY, present=True), seen(name=decide.REFERABLE, present=False))
    assert advice.codes(mild, 1, retinopathy=True) == ("icdr-1-rescreen",)
    abnormal = (seen(name=decide.ABNORMAL, present=True),)
    assert advice.codes(abnormal, None, retinopathy=True) == ("abnormal-as-retinopathy",)
    assert advice.codes(abnormal, None, retinopathy=False) == ("abnormal-refer",)
