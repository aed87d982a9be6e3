"""Lines round lesions: where they run, and that what they enclose stays as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.reading import Finding, Region
from aimis.reports import outline
from tests.unit.reports.endoscopies import LESION, SIZE, findings

GROUNDS = {"dark": 10, "mucosa": 120, "bright": 245}
numbers = st.floats(allow_nan=True, allow_infinity=True)


def region(*points: tuple[float, float]) -> Region:
    xs, ys = zip(*points, strict=True)
    return Region(box_px=(min(xs), min(ys), max(xs), max(ys)), probability=0.9, outline_px=points)


def inside(points: outline.Points) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    mask = np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(points)).astype(np.int32)], 1)
    return mask


def test_line_runs_outside_the_lesion_and_near_it() -> None:
    (line,) = outline.of_shown(findings(0.9), SIZE)
    lesion, enclosed = inside(LESION), inside(line.points)
    assert not (lesion & ~enclosed & 1).any()
    assert enclosed.sum() < 2 * lesion.sum()


def test_box_stands_for_a_lesion_without_an_outline() -> None:
    (line,) = outline.of_shown(findings(0.9, outlined=False), SIZE)
    assert inside(line.points)[290:360, 300:390].all()


def test_what_is_not_present_has_no_line() -> None:
    told = Finding(name="x", probability=0.4, present=False, regions=(region(*LESION),))
    assert outline.of_shown([told], SIZE) == ()


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_line_is_seen_on_every_ground_and_leaves_the_lesion_alone(place: int, ground: int) -> None:
    rgb = np.full((SIZE[1], SIZE[0], 3), ground, dtype=np.uint8)
    drawn = outline.draw(rgb, outline.lines([(place, [region(*LESION)])], SIZE), SIZE)
    changed = (drawn != rgb).any(axis=2)
    assert drawn[changed].max() > 200
    assert drawn[changed].min() < 60
    eroded = cv2.erode(inside(LESION), np.ones((3, 3), dtype=np.uint8))
    assert not changed[eroded > 0].any()


def test_findings_have_lines_of_different_length() -> None:
    rgb = np.full((SIZE[1], SIZE[0], 3), 120, dtype=np.uint8)
    drawn = [
        int((outline.draw(rgb, outline.lines([(place, [region(*LESION)])], SIZE), SIZE) != rgb).any(axis=2).sum())
        for place in range(3)
    ]
    assert drawn[0] > drawn[1] > drawn[2]


def test_lines_keep_their_place_in_a_smaller_picture() -> None:
    lines = outline.of_shown(findings(0.9), SIZE)
    small = np.full((SIZE[1] // 2, SIZE[0] // 2, 3), 120, dtype=np.uint8)
    rows, columns = np.nonzero((outline.draw(small, lines, SIZE) != small).any(axis=2))
    assert (columns.mean() * 2, rows.mean() * 2) == pytest.approx((345, 325), abs=12)


def test_touching_regions_of_a_finding_share_a_line() -> None:
    moved = tuple((x + 40, y) for x, y in LESION)
    assert len(outline.lines([(0, [region(*LESION), region(*moved)])], SIZE)) == 1
    assert len(outline.lines([(0, [region(*LESION)]), (1, [region(*moved)])], SIZE)) == 2


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8), st.tuples(st.integers(1, 5000), st.integers(1, 5000))
)
def test_any_outline_gives_lines_within_the_picture(points: list[tuple[float, float]], size: tuple[int, int]) -> None:
    for line in outline.lines([(0, [region(*points)])], size):
        assert len(line.points) <= 100
        assert all(-1 <= x <= size[0] + size[1] / 100 + 30 and -1 <= y <= size[1] + 30 for x, y in line.points)
