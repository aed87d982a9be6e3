"""The terminal's tables of a CT: every nodule reported, what changed, what is not listed and what limits it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aimis.console import tables
from aimis.domain.reading import Outcome, Reading, Reason, Source, Status
from aimis.pipeline.tally import Tally
from aimis.pipeline.tools import FrameResult, ItemResult
from aimis.reports.texts import LANGUAGES
from tests.fakes.redness import identity
from tests.fakes.spotter import Spotter
from tests.fakes.volumes import BALL, Ball, FakeVolume, volume
from tests.unit.console.test_tables import printed, words_of

SMALL: Ball = (40.0, 20.0, 10.0, 4.0)


def outcome(*balls: Ball, compared: bool = False) -> Outcome:
    return Spotter().read_volume(volume(balls), volume(date="2025-03-01") if compared else None)["spotter"]


def reading(said: Outcome) -> Reading:
    return Reading(
        source=Source(path="scan", size_px=(40, 40)),
        identity=identity("spotter"),
        outcome=said,
        seconds=1.5,
        read_at_utc="2026-01-02T03:04:05",
    )


def table(said: Outcome, language: str = "en", **values: Any) -> str:
    return printed(tables.photograph([reading(said)], words_of(language)), **values)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            ("left lung, middle third", "solid", "Fleischner", "Lung-RADS 2022 3", "Applies if", "No. 1", "24 slices"),
        ),
        ("zh", ("左肺", "实性", "Fleischner", "Lung-RADS 2022", "整次检查", "24 层")),
    ],
)
def test_nodule_is_shown_with_place_size_density_malignancy_and_guideline(language: str, told: tuple[str, ...]) -> None:
    shown = table(outcome(BALL), language)
    nodule = outcome(BALL).scan.nodules[0]  # type: ignore[union-attr]
    for part in (*told, " 8 ", f"{nodule.malignancy_probability:.2f}", "0.900", "1.500"):
        assert part in shown, part


def test_candidates_below_the_point_are_counted_and_not_listed() -> None:
    shown = table(outcome(BALL, SMALL))
    assert "below the operating point: 1" in shown
    assert "0.200" not in shown
    assert "below the operating point: " not in table(outcome(BALL))


def test_scan_without_a_nodule_says_so() -> None:
    shown = table(outcome(SMALL))
    assert "No nodule lies above the operating point" in shown
    assert "Malignancy" not in shown


def test_changes_since_the_earlier_scan_are_shown() -> None:
    shown = table(outcome((20.0, 30.0, 24.0, 11.0), compared=True))
    assert "growing" in shown
    assert "2025-03-01" in shown
    assert "gone" in table(outcome(compared=True))
    assert "Change" not in table(outcome(BALL))


def test_everything_that_limits_a_scan_is_shown_once() -> None:
    said = outcome(BALL)
    assert said.scan is not None
    reasons = (Reason.of("prior-is-the-same"), Reason.of("takes-no-pictures"))
    shown = table(replace(said, reason=reasons[0], scan=replace(said.scan, limited=reasons)))
    for reason in reasons:
        assert shown.count(words_of("en").reason(reason)) == 1


def test_refused_scan_shows_its_reason_and_series_alone() -> None:
    said = outcome(BALL)
    refused = Outcome(status=Status.UNSUPPORTED, reason=Reason.of("prior-of-another-patient"), scan=said.scan)
    shown = table(refused)
    assert "another patient" in shown
    assert "24 slices" in shown
    assert "Fleischner" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_many_scans_have_a_row_each_with_the_largest_nodule(language: str) -> None:
    texts = words_of(language)
    for said in (outcome(BALL, (40.0, 20.0, 30.0, 12.0)), outcome(SMALL)):
        row = printed(tables.overview_row([reading(said)], texts, 100))
        assert texts.label("cli-slices", count=24) in row
        assert ("12 mm" in row) == (len(said.scan.nodules) == 2)  # type: ignore[union-attr]


@pytest.mark.parametrize(("language", "told"), [("en", "2 CT scans in 3.0 s (1.5 s each)"), ("zh", "每次 1.5 秒")])
def test_scans_are_counted_by_themselves(language: str, told: str) -> None:
    tally = Tally()
    for said in (outcome(BALL), outcome(SMALL)):
        frames = (FrameResult(readings=(reading(said),)),)
        tally.add(ItemResult(item=FakeVolume(), frames=frames, views=lambda _: None))
    assert told in printed(tables.summary(tally, 3.0, words_of(language)))
