"""The pictures of a chest CT: where things lie in them, and at which scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimis.domain.scan import Point
from aimis.imaging.volume import Volume
from aimis.reports import views
from aimis.reports.views import LETTERS, Plane, View
from tests.unit.reports.chests import BALLS_MM, ORIGIN_MM, SHAPE, SPACING_MM, nodule, scan, volume

PLANES = (Plane.SLICE, Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL, Plane.SLAB, Plane.SOFT)
SECTIONS = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)


def cut(plane: Plane, index: int = 0, made: Volume | None = None) -> View:
    shown = views.cut(made or volume(), scan()).nodules[index]
    return next(view for view in shown if view.plane is plane)


def with_spot(at_lps_mm: Point) -> Volume:
    """A bright voxel besides."""
    made = volume()
    index = tuple(np.round(made.to_indices(at_lps_mm)).astype(int))
    made.hu[index] = 3000
    return made


def brightest(plane: Plane, at_lps_mm: Point) -> tuple[float, float]:
    """Where a bright voxel appears in a picture, in mm right of and below its middle."""
    before, after = (cut(plane, 0, made) for made in (volume(), with_spot(at_lps_mm)))
    rows, columns = np.nonzero(after.grey != before.grey)
    middle = (np.array(before.grey.shape) - 1) / 2
    down, across = (np.array([rows.mean(), columns.mean()]) - middle) * before.mm_per_px
    return float(across), float(down)


def test_every_reported_nodule_has_all_pictures_and_candidates_below_the_point_have_none() -> None:
    shown = views.cut(volume(), scan())
    assert set(shown.nodules) == {0, 1}
    assert all(tuple(view.plane for view in pictures) == PLANES for pictures in shown.nodules.values())


def test_scan_without_reported_nodules_shows_the_lungs_that_were_read_and_marks_nothing() -> None:
    shown = views.cut(volume(), scan(nodule(0, present=False)))
    assert shown.nodules == {}
    assert shown.front is not None
    assert shown.front.marks == ()


def test_most_probable_nodules_alone_have_pictures_where_there_are_many() -> None:
    shown = views.cut(volume(), scan(*(nodule(index) for index in range(14))))
    assert list(shown.nodules) == list(range(views.MOST_NODULES))


@pytest.mark.parametrize(
    ("plane", "step", "expected"),
    [
        (Plane.AXIAL, (14.0, 0.0, 0.0), (14.0, 0.0)),  # to the patient's left is at the right
        (Plane.AXIAL, (0.0, 14.0, 0.0), (0.0, 14.0)),  # to the back is below
        (Plane.CORONAL, (14.0, 0.0, 0.0), (14.0, 0.0)),
        (Plane.CORONAL, (0.0, 0.0, 15.0), (0.0, -15.0)),  # to the head is above
        (Plane.SAGITTAL, (0.0, 14.0, 0.0), (14.0, 0.0)),
        (Plane.SAGITTAL, (0.0, 0.0, 15.0), (0.0, -15.0)),
    ],
)
def test_what_lies_beside_the_nodule_appears_at_its_side_and_distance(
    plane: Plane, step: Point, expected: tuple[float, float]
) -> None:
    x, y, z, _ = BALLS_MM[0]
    assert brightest(plane, (x + step[0], y + step[1], z + step[2])) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("plane", SECTIONS)
@pytest.mark.parametrize("index", [0, 1])
def test_border_is_as_large_as_the_nodule_and_in_the_middle(plane: Plane, index: int) -> None:
    view, diameter = cut(plane, index), BALLS_MM[index][3]
    (border,) = view.outlines
    points = np.array(border)
    assert np.ptp(points, axis=0) * view.mm_per_px == pytest.approx([diameter, diameter], abs=2.6)
    assert points.mean(axis=0) == pytest.approx(np.array(view.grey.shape)[::-1] / 2, abs=1.3 / view.mm_per_px)


def test_axes_are_as_long_as_they_measure_and_cross_in_the_middle() -> None:
    view, diameter = cut(Plane.AXIAL), BALLS_MM[0][3]
    long, short = (np.array(axis) for axis in view.axes)
    assert np.linalg.norm(long[1] - long[0]) * view.mm_per_px == pytest.approx(diameter, abs=0.1)
    assert np.dot(long[1] - long[0], short[1] - short[0]) == pytest.approx(0, abs=1)
    assert [len(cut(plane).axes) for plane in PLANES] == [0, 2, 0, 0, 0, 0]


def test_slab_shows_what_lies_five_millimetres_above_and_below_and_no_more() -> None:
    x, y, z, _ = BALLS_MM[1]
    plain = views.cut(volume(), scan()).nodules[1][4].grey
    for above, seen in ((5.0, True), (-5.0, True), (7.5, False)):
        shown = views.cut(with_spot((x + 14.0, y, z + above)), scan()).nodules[1][4].grey
        assert np.any(shown != plain) is np.bool_(seen), above


def test_whole_slice_marks_the_square_that_the_axial_picture_shows() -> None:
    whole, axial = cut(Plane.SLICE), cut(Plane.AXIAL)
    square = np.array(whole.outlines[0])
    assert np.ptp(square, axis=0) * whole.mm_per_px == pytest.approx([axial.mm_per_px * 255] * 2, abs=1)
    at = (square.mean(axis=0) * whole.mm_per_px) + np.array(ORIGIN_MM[:2]) - 1.0
    assert at == pytest.approx(BALLS_MM[0][:2], abs=1)


def test_square_of_what_lies_at_the_edge_stays_in_the_whole_slice() -> None:
    edge = nodule(0, centre_lps_mm=(ORIGIN_MM[0], ORIGIN_MM[1], BALLS_MM[0][2]), mask=None, size=None)
    whole = views.cut(volume(), scan(edge)).nodules[0][0]
    square, (rows, columns) = np.array(whole.outlines[0]), whole.grey.shape
    assert square.min() >= 0
    assert np.all(square.max(axis=0) <= (columns, rows))


def test_marks_of_the_overview_lie_on_the_nodules() -> None:
    front = views.cut(volume(), scan()).front
    assert front is not None
    top = ORIGIN_MM[2] + (SHAPE[0] - 0.5) * SPACING_MM[0]
    for index, x, y in front.marks:
        assert ORIGIN_MM[0] - 1 + x * front.mm_per_px == pytest.approx(BALLS_MM[index][0], abs=0.3)
        assert top - y * front.mm_per_px == pytest.approx(BALLS_MM[index][2], abs=0.3)
        assert front.grey[round(y), round(x)] > front.grey[round(y), round(x) + 60] + 50, "brighter than lung"


def test_overview_leaves_out_chest_wall_and_the_air_outside() -> None:
    front = views.cut(volume(), scan()).front
    assert front is not None
    edge = front.grey[:, [0, 5, -5, -1]]
    assert edge.max() == front.grey[0, 0]


def test_tilted_gantry_keeps_scale_and_place() -> None:
    """A shear of 20 degrees: the couch moves level while the rows lean."""
    made, lean = volume(), np.deg2rad(20)
    tilted = replace(made, directions=np.array([[0.0, 0, 1], [0, np.cos(lean), -np.sin(lean)], [1, 0, 0]]))
    centre = tuple(float(v) for v in tilted.to_lps(made.to_indices(BALLS_MM[0][:3])))
    told = scan(nodule(0, centre_lps_mm=centre, size=None))
    for view in views.cut(tilted, told).nodules[0]:
        if view.plane in SECTIONS:
            points = np.array(view.outlines[0])
            assert points.mean(axis=0) == pytest.approx((127.5, 127.5), abs=1.5 / view.mm_per_px), view.plane
    sagittal = views.cut(tilted, told).nodules[0][3]
    assert np.ptp(np.array(sagittal.outlines[0])[:, 0]) * sagittal.mm_per_px == pytest.approx(20, abs=3)


def test_nodule_at_the_volume_s_edge_or_without_mask_and_size_still_has_pictures() -> None:
    corner = nodule(0, centre_lps_mm=(-300.0, -300.0, -900.0), mask=None, size=None, slices=None)
    shown = views.cut(volume(), scan(corner)).nodules[0]
    assert [view.outlines for view in shown[1:]] == [()] * 5


def test_letters_name_the_sides_as_radiologists_see_them() -> None:
    assert set(LETTERS) == set(Plane)
    assert LETTERS[Plane.AXIAL] == ("R", "L", "A", "P")
    assert LETTERS[Plane.SAGITTAL] == ("A", "P", "S", "I")
