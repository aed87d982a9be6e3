"""A report says what the setting in use finds, and how many normal eyes it marks, as the reading states it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aimis.domain.reading import Rate
from aimis.reports import html, page
from aimis.reports.case import Case, Eye
from tests.unit.reports.samples import FUNDUS, eye, outcome, texts

GLAUCOMA = Rate(finding="glaucoma", value=0.432, low=0.297, high=0.578, n=44)
NORMAL = Rate(finding=None, value=0.0786, low=0.06, high=0.103, n=611)


def of(*rates: Rate, point: str = "balanced") -> Eye:
    shown = eye({"fundus-disease": replace(outcome(FUNDUS), rates=rates)})
    (reading,) = shown.readings
    return replace(shown, readings=(replace(reading, identity=replace(reading.identity, operating_point=point)),))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_says_how_many_of_the_sick_and_of_the_normal_are_marked(language: str) -> None:
    words = texts(language)
    composed = page.compose(Case(eyes=(of(GLAUCOMA, NORMAL),)), words)
    sick, normal = composed.rates
    assert f"{words.finding('glaucoma').title} 43 (30-58)" in sick
    assert "8 (6-10)" in normal
    assert all(sentence in html.render(composed, words) for sentence in (sick, normal, words.label("rates")))


def test_page_says_what_was_not_measured_at_a_sites_own_thresholds() -> None:
    composed = page.compose(Case(eyes=(of(GLAUCOMA, point="balanced; cataract=0.4"),)), texts())
    assert len(composed.rates) == 2
    assert "Cataract" in composed.rates[1]
    assert "Glaucoma" not in composed.rates[1]


def test_page_says_nothing_of_readers_without_rates() -> None:
    assert page.compose(Case(eyes=(of(),)), texts()).rates == ()
