"""The fundus reader's rules, on an engine whose every logit the test decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.reading import Laterality, Outcome, Status
from aimis.imaging.decode import decode
from aimis.imaging.still import Still
from aimis.inference.engine import open_engine
from aimis.inference.memory import FunctionEngine
from aimis.readers import fundus
from aimis.readers.fundus import network
from aimis.readers.fundus.read import FundusReader
from aimis.readers.manifest import Manifest, read_manifest
from tests.fakes.eyes import eye

pytestmark = pytest.mark.integration

BOTH = frozenset({"diabetic-retinopathy", "fundus-disease"})


@cache
def shipped() -> Manifest:
    return read_manifest(Path(fundus.__file__).parent)


def answering(gate: float = 9.0, disc_column: int = 18, **logits: float) -> FunctionEngine:
    """An engine that says -9 of every target but those named, underscores for hyphens."""
    values = np.full(len(network.TARGETS), -9.0, np.float32)
    for name, logit in logits.items():
        values[network.TARGETS.index(name.replace("_", "-"))] = logit
    disc = np.zeros((24, 24), np.float32)
    disc[12, disc_column] = 1

    def function(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        assert inputs["photograph"].shape == (1, 384, 384, 3)
        evidence = np.broadcast_to(values[:, None, None] / 576, (len(values), 24, 24))
        return {"logits": values[None], "evidence": evidence[None], "gate": np.array([gate]), "disc": disc[None]}

    return FunctionEngine(function=function)


def read(engine: FunctionEngine, rgb: npt.NDArray[np.uint8] | None = None, **still: Any) -> Mapping[str, Outcome]:
    picture = eye() if rgb is None else rgb
    size = {"full_size_px": picture.shape[1::-1], **still}
    return FundusReader(shipped(), BOTH, "balanced", engine).read(Still(rgb=picture, **size))


def codes(outcomes: Mapping[str, Outcome]) -> dict[str, str | None]:
    return {reader: outcome.reason.code if outcome.reason else None for reader, outcome in outcomes.items()}


def veiled() -> npt.NDArray[np.uint8]:
    """An eye behind so much haze that no vessel is left."""
    rgb = cv2.GaussianBlur(eye(), (0, 0), 60)
    return np.asarray(cv2.bitwise_and(rgb, rgb, mask=(eye().max(axis=2) > 0).astype(np.uint8)), dtype=np.uint8)


def test_every_finding_is_listed_present_or_not() -> None:
    outcomes = read(answering(cataract=9.0, abnormal_fundus=9.0))
    for entry in shipped().readers:
        assert [f.name for f in outcomes[entry.id].findings] == [f.name for f in entry.findings]
    assert [f.name for f in outcomes["fundus-disease"].findings if f.present] == ["cataract", "abnormal-fundus"]


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 20), st.floats(0, 10))
def test_a_higher_logit_never_lowers_probability_or_grade(logit: float, more: float) -> None:
    certain = shipped().model_copy(
        update={"readers": tuple(r.model_copy(update={"abstention": None}) for r in shipped().readers)}
    )
    grades, probabilities = [], []
    for value in (logit, logit + more):
        engine = answering(icdr_2_or_worse=value, icdr_1_or_worse=5.0)
        still = Still(rgb=eye(), full_size_px=(500, 500))
        outcome = FundusReader(certain, BOTH, "balanced", engine).read(still)["diabetic-retinopathy"]
        grades.append(outcome.classifications[0].value)
        probabilities.append(outcome.findings[1].probability)
    assert grades[0] in {1, 2, 3, 4}
    assert grades == sorted(grades, key=int)
    assert probabilities == sorted(probabilities)


@pytest.mark.parametrize("point", ["screening", "balanced", "specific"])
def test_operating_points_decide_by_their_own_threshold(point: str) -> None:
    entry = shipped().reader("fundus-disease").finding("glaucoma")
    slope, offset = entry.calibration.slope, entry.calibration.offset
    threshold = entry.threshold(point)
    logit = (np.log(threshold / (1 - threshold)) - offset) / slope
    for step, expected in ((-0.05, False), (0.05, True)):
        engine = answering(glaucoma=float(logit + step), abnormal_fundus=9.0)
        still = Still(rgb=eye(), full_size_px=(500, 500))
        outcome = FundusReader(shipped(), BOTH, point, engine).read(still)["fundus-disease"]
        assert {f.name: f.present for f in outcome.findings}["glaucoma"] is expected


def test_what_is_no_fundus_to_the_network_is_unsupported() -> None:
    with pytest.raises(UnsupportedInputError, match="not-a-fundus-photograph"):
        read(answering(gate=-0.1))


def test_a_grey_photograph_is_unsupported() -> None:
    grey = cv2.cvtColor(cv2.cvtColor(eye(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    with pytest.raises(UnsupportedInputError, match="no-colour"):
        read(answering(), np.asarray(grey, dtype=np.uint8))


@pytest.mark.parametrize("tint", [(0.3, 1.0, 0.4), (0.3, 0.5, 1.0)])
def test_a_photograph_in_green_or_blue_is_unsupported(tint: tuple[float, float, float]) -> None:
    grey = cv2.cvtColor(eye(), cv2.COLOR_RGB2GRAY)[..., None]
    with pytest.raises(UnsupportedInputError, match="not-a-fundus-photograph"):
        read(answering(), (grey * np.array(tint)).astype(np.uint8))


@pytest.mark.parametrize("modality", ["CT", "MR", "OPT", "US"])
def test_another_modality_is_unsupported_before_its_pixels_are_looked_at(modality: str) -> None:
    with pytest.raises(UnsupportedInputError, match="wrong-modality"):
        read(answering(), modality=modality)


@pytest.mark.parametrize("modality", [None, "OP", "SC", "XC"])
def test_a_modality_that_may_hold_a_fundus_is_read(modality: str | None) -> None:
    assert read(answering(), modality=modality)["fundus-disease"].status is Status.READ


def test_a_child_is_not_read() -> None:
    with pytest.raises(UnsupportedInputError, match="no-adult"):
        read(answering(), age_years=17)
    assert read(answering(), age_years=18)["fundus-disease"].status is Status.READ


def test_black_and_tiny_pictures_are_unsupported() -> None:
    with pytest.raises(UnsupportedInputError):
        read(answering(), np.zeros((500, 500, 3), np.uint8))
    with pytest.raises(UnsupportedInputError, match="too-small"):
        read(answering(), eye(120))


@pytest.mark.parametrize(
    ("name", "rgb"),
    [
        ("too-dark", eye(light=0.1)),
        ("too-bright", np.where(eye() > 0, 255, 0).astype(np.uint8)),
        ("low-contrast", veiled()),
    ],
)
def test_a_poor_photograph_is_not_assessable_and_says_why(name: str, rgb: npt.NDArray[np.uint8]) -> None:
    if name == "too-bright":
        rgb = rgb.copy()
        rgb[..., 2] = np.minimum(rgb[..., 2], 200)
    outcomes = read(answering(), rgb)
    assert codes(outcomes) == {"diabetic-retinopathy": name, "fundus-disease": name}
    assert {o.status for o in outcomes.values()} == {Status.NOT_ASSESSABLE}
    assert all(o.advice == ("retake-photograph",) and not o.findings for o in outcomes.values())


def test_a_veil_with_likely_cataract_is_said_and_the_cataract_is_read() -> None:
    outcomes = read(answering(cataract=9.0), veiled())
    assert set(codes(outcomes).values()) == {"cataract-likely-hides-fundus"}
    assert outcomes["diabetic-retinopathy"].status is Status.NOT_ASSESSABLE
    assert outcomes["fundus-disease"].status is Status.READ
    assert "cataract-refer" in outcomes["fundus-disease"].advice


def test_a_dark_photograph_is_never_read_as_cataract() -> None:
    outcomes = read(answering(cataract=9.0), eye(light=0.1))
    assert set(codes(outcomes).values()) == {"cataract-likely-hides-fundus"}
    assert {o.status for o in outcomes.values()} == {Status.NOT_ASSESSABLE}


def test_a_photograph_at_the_threshold_is_not_certain() -> None:
    entry = shipped().reader("diabetic-retinopathy")
    finding = entry.finding("referable-diabetic-retinopathy")
    threshold = finding.threshold("balanced")
    logit = (np.log(threshold / (1 - threshold)) - finding.calibration.offset) / finding.calibration.slope
    outcome = read(answering(icdr_2_or_worse=float(logit)))["diabetic-retinopathy"]
    assert outcome.status is Status.NOT_ASSESSABLE
    assert outcome.reason is not None
    assert outcome.reason.code == "not-certain"


@pytest.mark.parametrize(("column", "eye_told"), [(21, Laterality.RIGHT), (3, Laterality.LEFT), (12, None)])
def test_the_disc_tells_the_eye_where_it_is_off_the_middle(column: int, eye_told: Laterality | None) -> None:
    assert read(answering(disc_column=column))["fundus-disease"].laterality is eye_told


def test_a_referable_decision_never_comes_with_less_advice_than_grade_two() -> None:
    outcome = read(answering(icdr_2_or_worse=9.0))["diabetic-retinopathy"]
    assert {f.name for f in outcome.findings if f.present} >= {"referable-diabetic-retinopathy"}
    assert outcome.advice[0] in {"icdr-2-refer", "icdr-3-refer-soon", "icdr-4-refer-urgent"}


def test_the_evidence_lies_over_the_field_in_full_size_pixels() -> None:
    outcome = read(answering(glaucoma=9.0), full_size_px=(1000, 1000))["fundus-disease"]
    (evidence,) = [e for e in outcome.evidence if e.finding == "glaucoma"]
    assert evidence.box_px == pytest.approx((30, 30, 970, 970), abs=25)


@pytest.fixture(scope="module")
def real() -> FundusReader:
    return FundusReader(shipped(), BOTH, "balanced", open_engine(shipped().weights_path))


def test_evidence_of_the_network_adds_up_to_its_logit() -> None:
    engine = open_engine(shipped().weights_path, precision="f32")
    squares = [cv2.resize(eye(disc_right=right), (384, 384)) for right in (True, False)]
    one, other = (network.run(engine, np.asarray(s, dtype=np.uint8)) for s in squares)
    biases = [o.logits - o.evidence.sum(axis=(1, 2)) for o in (one, other)]
    np.testing.assert_allclose(biases[0], biases[1], atol=2e-3)


def test_the_same_photograph_gives_the_same_outcome_bit_for_bit(real: FundusReader) -> None:
    photograph = Path(skimage.__file__).parent / "data" / "retina.jpg"
    still = next(decode(photograph.read_bytes(), photograph.name))
    assert real.read(still)["fundus-disease"].status is Status.READ
    again = FundusReader(shipped(), BOTH, "balanced", open_engine(shipped().weights_path))
    assert real.read(still) == real.read(still) == again.read(still)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(160, 200), (400, 161), (900, 1200)]))
def test_noise_is_never_read(real: FundusReader, seed: int, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    with pytest.raises(UnsupportedInputError):
        real.read(Still(rgb=noise, full_size_px=(shape[1], shape[0])))
