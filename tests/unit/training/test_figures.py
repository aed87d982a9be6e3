"""The texts state the figures that were measured, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimis.readers.fundus import decide
from aimis.readers.manifest import read_manifest
from training.fundus import figures, marks

ROOT = Path(__file__).resolve().parents[3]
READER = ROOT / "src/aimis/readers/fundus"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("place", ["README.md", "src/aimis/readers/fundus/MODEL_CARD.md"])
def test_card_and_readme_hold_the_measured_table(place: str) -> None:
    assert figures.markdown(figures.RESULTS.load()) in (ROOT / place).read_text(encoding="utf-8")


def test_how_to_states_the_price_of_each_operating_point() -> None:
    text = figures.HOW_TO.read_text(encoding="utf-8")
    for point, at in figures.RESULTS.load()["marks"].items():
        hit, of = at["normal"]["all"]
        assert f"{hit / of:.3f} of {of}" in text
        assert f"`{point}`" in text


def test_manifest_states_the_measured_rates() -> None:
    measured = figures.RESULTS.load()["marks"]
    for entry in read_manifest(READER).readers:
        assert len(entry.rates) == len(measured) * (1 + len(entry.findings))
        for rate in entry.rates:
            at = measured[rate.point]
            hit, of = at["normal"]["all"] if rate.finding is None else at["sick"][rate.finding]
            assert rate.value == pytest.approx(hit / of, abs=1e-4)
            assert rate.n == of
            assert rate.low <= rate.value <= rate.high


@pytest.mark.parametrize(
    ("findings", "grade", "wrong"),
    [
        ({decide.ANY: True, decide.REFERABLE: False}, 1, False),
        ({decide.ANY: True, decide.REFERABLE: False}, 0, True),
        ({decide.ANY: True, decide.REFERABLE: True}, 1, True),
        ({decide.ANY: False, decide.REFERABLE: False}, 2, True),
        ({decide.OEDEMA: True, decide.REFERABLE: False, decide.ANY: True}, 1, True),
        ({decide.ANY: True, decide.REFERABLE: True, decide.ABNORMAL: False}, 3, True),
        ({"glaucoma": True, decide.ABNORMAL: False}, None, True),
        ({"glaucoma": True, decide.ABNORMAL: True}, None, False),
        ({}, None, False),
    ],
)
def test_contradictions_are_counted(findings: dict[str, bool], grade: int | None, *, wrong: bool) -> None:
    assert marks.contradicts({"findings": findings, "grade": grade}) is wrong
