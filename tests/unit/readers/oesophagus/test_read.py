"""The oesophagus reader's rules, on an engine whose every logit the test decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.domain.examination import ExaminationKind
from aimis.domain.reading import Claim, Finding, Outcome, Status
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.inference.memory import FunctionEngine
from aimis.readers import oesophagus
from aimis.readers.manifest import Manifest, read_manifest
from aimis.readers.oesophagus import aperture, network, regions
from aimis.readers.oesophagus.read import OesophagusReader
from tests.fakes import scopes

PLACES = 32
NEOPLASIA = network.CLASSES.index("oesophageal-neoplasia")


@cache
def shipped() -> Manifest:
    return read_manifest(Path(oesophagus.__file__).parent)


@cache
def mucosa(seed: int = 0) -> scopes.Rgb:
    """A sharp, well lit frame with a sensor's noise."""
    rgb = scopes.frame("barrel", rows=400, columns=520, box=(10, 0, 510, 400))
    noisy = np.clip(rgb + np.random.default_rng(seed).normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    turned = np.where(rgb.max(axis=2, keepdims=True) > 0, noisy, 0).astype(np.uint8)
    return np.ascontiguousarray(turned[:, ::-1] if seed % 2 else turned)


def answering(
    site: str = "oesophagus",
    finding: float = 9.0,
    lesion: tuple[int, int] = (16, 16),
    distance: float = 10.0,
    *,
    barretts: float = -9.0,
    oesophagitis: float = -9.0,
) -> FunctionEngine:
    """An engine that sees one site, and neoplasia on five by five places round `lesion` (row, column).

    finding, barretts, oesophagitis : logits
    """
    sites = np.full(len(network.SITES), -9.0, np.float32)
    sites[network.SITES.index(site)] = 9
    places = np.full((len(network.CLASSES), PLACES, PLACES), -6.0, np.float32)
    places[0] = 0
    row, column = lesion
    places[NEOPLASIA, row - 2 : row + 3, column - 2 : column + 3] = 6

    def function(inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        assert inputs["frame"].shape == (1, 256, 256, 3)
        found = np.array([finding, barretts, oesophagitis], np.float32)
        far = np.array([distance], np.float32)
        return {"findings": found[None], "sites": sites[None], "distance": far, "map": places[None]}

    return FunctionEngine(function=function)


def reader(engine: FunctionEngine) -> OesophagusReader:
    return OesophagusReader(shipped(), frozenset({"oesophagus"}), "balanced", engine)


def read(engine: FunctionEngine, rgb: npt.NDArray[np.uint8] | None = None, **still: Any) -> Outcome:
    picture = mucosa() if rgb is None else rgb
    size = {"full_size_px": picture.shape[1::-1], **still}
    return reader(engine).read(Still(rgb=picture, **size))["oesophagus"]


def test_every_finding_is_listed_and_the_site_named() -> None:
    outcome = read(answering())
    assert outcome.status is Status.READ
    assert {f.name for f in outcome.findings} == set(network.FINDINGS)
    assert [(c.key, c.value) for c in outcome.classifications] == [("site", "oesophagus")]


@pytest.mark.parametrize("site", [s for s in network.SITES if s not in ("oesophagus", "cardia-gej", "other")])
def test_other_organ_is_unsupported_with_its_site_and_no_finding(site: str) -> None:
    outcome = read(answering(site=site))
    assert outcome.status is Status.UNSUPPORTED
    assert not outcome.findings
    assert [c.value for c in outcome.classifications] == [site]


def test_picture_that_is_no_endoscopy_is_unsupported_though_a_lesion_were_seen() -> None:
    outcome = read(answering(site="other"))
    assert outcome.status is Status.UNSUPPORTED
    assert outcome.reason is not None
    assert outcome.reason.code == "not-an-endoscopic-picture"


def test_picture_unlike_all_endoscopy_is_unsupported_though_it_were_taken_for_the_oesophagus() -> None:
    outcome = read(answering(distance=1000.0))
    assert outcome.status is Status.UNSUPPORTED
    assert outcome.reason is not None
    assert outcome.reason.code == "not-an-endoscopic-picture"
    assert not outcome.findings


def test_dark_frame_is_not_assessable_whatever_the_network_says() -> None:
    outcome = read(answering(), np.full((240, 320, 3), 6, np.uint8))
    assert outcome.status is not Status.READ
    assert outcome.reason is not None


def test_absent_finding_has_no_region() -> None:
    outcome = read(answering(finding=-9.0))
    assert all(not f.present and not f.regions for f in outcome.findings)


def test_modality_of_another_kind_is_refused() -> None:
    with pytest.raises(UnsupportedInputError):
        read(answering(), modality="CT")


def test_child_is_refused() -> None:
    with pytest.raises(UnsupportedInputError, match="no-adult"):
        read(answering(), age_years=17)
    assert read(answering(), age_years=18).status is Status.READ


@settings(max_examples=10)
@given(st.integers(8, 23), st.integers(8, 23), st.sampled_from([1, 2, 3]))
def test_region_lies_where_the_map_says_in_pixels_of_the_full_size(row: int, column: int, times: int) -> None:
    rgb = mucosa()
    outcome = read(answering(lesion=(row, column)), rgb, full_size_px=(rgb.shape[1] * times, rgb.shape[0] * times))
    region = outcome.findings[0].regions[0]
    zoom, x, y = aperture.find_aperture(rgb).placement(256)
    expected = ((column + 0.5) * 8 - x) / zoom * times, ((row + 0.5) * 8 - y) / zoom * times
    x0, y0, x1, y1 = region.box_px
    assert abs((x0 + x1) / 2 - expected[0]) < 8 * times / zoom
    assert abs((y0 + y1) / 2 - expected[1]) < 8 * times / zoom
    assert all(x0 <= px <= x1 and y0 <= py <= y1 for px, py in region.outline_px)
    assert region.frame is None


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_strongest_region_holds_the_peak_and_comes_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 4, (6, 6, 5)).astype(np.float32)
    logits = np.asarray(cv2.resize(coarse, (PLACES, PLACES)).transpose(2, 0, 1), dtype=np.float32)
    found = aperture.find_aperture(mucosa())
    shown = aperture.shown(found, 256)
    said = regions.regions(logits, "oesophageal-neoplasia", found, shown, scale=1.0, frame=3)
    assert [r.probability for r in said] == sorted((r.probability for r in said), reverse=True)
    assert all(r.frame == 3 and 3 <= len(r.outline_px) <= 64 for r in said)


def test_frame_that_was_not_decoded_is_carried_as_failed() -> None:
    judged = reader(answering()).judge(Frame(index=7, name="b.jpg", picture=BrokenInputError("truncated")))
    assert (judged.record.index, judged.record.name, judged.record.status) == (7, "b.jpg", Status.FAILED)


def test_examination_finds_the_lesion_of_its_frames_and_names_them() -> None:
    own = reader(answering())
    stills = [mucosa(k) for k in range(4)]
    frames = [Frame(index=k, picture=Still(rgb=s, full_size_px=s.shape[1::-1])) for k, s in enumerate(stills)]
    judged = [own.judge(frame) for frame in frames]
    outcome = own.conclude(judged, kind=ExaminationKind.STILLS, seconds=None, pictured=range(4))["oesophagus"]
    assert outcome.status is Status.READ
    assert outcome.findings[0].present
    assert outcome.examination is not None
    assert {r.frame for r in outcome.findings[0].regions} <= set(range(4))
    assert outcome.examination.key_frames


def by_name(outcome: Outcome) -> dict[str, Finding]:
    return {finding.name: finding for finding in outcome.findings}


@pytest.mark.parametrize("neoplasia", [9.0, -9.0])
def test_neoplasia_is_not_judged_where_barretts_mucosa_is_seen(neoplasia: float) -> None:
    outcome = read(answering(finding=neoplasia, barretts=9.0))
    found = by_name(outcome)["oesophageal-neoplasia"]
    assert (found.claim, found.present) == (Claim.NOT_JUDGED, False)
    assert outcome.reason is not None
    assert outcome.reason.code == "not-judged-in-barretts"
    assert "neoplasia-not-judged" in outcome.advice
    assert "no-finding-inspect" not in outcome.advice


def test_barretts_too_faint_for_a_mark_is_enough_for_neoplasia_not_to_be_judged() -> None:
    entry, limit = shipped().reader("oesophagus").finding("barretts-oesophagus"), shipped().network["not_judged"]
    assert limit["barretts"] < entry.operating_points.balanced
    middle = (limit["barretts"] + entry.operating_points.balanced) / 2
    logit = (np.log(middle / (1 - middle)) - entry.calibration.offset) / entry.calibration.slope
    found = by_name(read(answering(barretts=float(logit))))
    assert not found["barretts-oesophagus"].marked
    assert found["oesophageal-neoplasia"].not_judged


def test_suspicious_junction_is_not_judged_and_a_quiet_one_is() -> None:
    suspicious, quiet = (read(answering(site="cardia-gej", finding=logit)) for logit in (9.0, -9.0))
    assert by_name(suspicious)["oesophageal-neoplasia"].claim is Claim.NOT_JUDGED
    assert suspicious.reason is not None
    assert suspicious.reason.code == "not-judged-at-junction"
    assert by_name(quiet)["oesophageal-neoplasia"].claim is Claim.ALARM
    assert quiet.reason is None


def test_neoplasia_of_the_squamous_oesophagus_alarms() -> None:
    found = by_name(read(answering()))["oesophageal-neoplasia"]
    assert (found.claim, found.present) == (Claim.ALARM, True)


def test_barretts_and_oesophagitis_are_marks_and_never_present() -> None:
    found = by_name(read(answering(finding=-9.0, barretts=9.0, oesophagitis=9.0)))
    for name in ("barretts-oesophagus", "oesophagitis"):
        assert (found[name].claim, found[name].present, found[name].marked) == (Claim.MARK, False, True)
        assert found[name].regions


def test_mark_below_its_point_is_a_mark_still_but_not_marked() -> None:
    found = by_name(read(answering()))["oesophagitis"]
    assert (found.claim, found.present, found.marked) == (Claim.MARK, False, False)


@settings(max_examples=40, deadline=None)
@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(-12, 12), st.sampled_from(["oesophagus", "cardia-gej"]))
def test_only_an_alarm_is_present_and_none_stands_beside_barretts(
    neoplasia: float, barretts: float, oesophagitis: float, site: str
) -> None:
    found = by_name(read(answering(site, neoplasia, barretts=barretts, oesophagitis=oesophagitis)))
    assert all(f.claim is Claim.ALARM for f in found.values() if f.present)
    assert not (found["oesophageal-neoplasia"].present and found["barretts-oesophagus"].marked)


def test_frame_taken_for_the_colon_that_looks_suspicious_says_so_and_keeps_its_picture() -> None:
    suspicious, quiet = (
        reader(answering(site="colon", finding=logit)).judge(
            Frame(index=3, picture=Still(rgb=mucosa(), full_size_px=(520, 400)))
        )
        for logit in (9.0, -9.0)
    )
    assert suspicious.record.reason is not None
    assert (suspicious.record.status, suspicious.record.reason.code) == (Status.UNSUPPORTED, "suspicious-elsewhere")
    assert dict(suspicious.record.reason.values) == {"site": "colon"}
    assert suspicious.interest > 0
    assert quiet.record.reason is not None
    assert (quiet.record.reason.code, quiet.interest) == ("not-the-oesophagus", 0)


def test_still_taken_for_the_colon_that_looks_suspicious_advises_to_look() -> None:
    outcome = read(answering(site="colon"))
    assert (outcome.status, outcome.findings, outcome.advice) == (Status.UNSUPPORTED, (), ("look-at-unjudged",))
