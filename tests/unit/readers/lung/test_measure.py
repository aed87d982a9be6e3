"""Spheres, ellipsoids and shells whose size is known, as a scanner would draw them: each voxel by how much it holds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aimis.domain.scan import Density, Mask
from aimis.readers.lung import measure

LUNG_HU = -860
FINE = 5  # parts of a voxel along each axis
Ball = tuple[npt.NDArray[np.bool_], npt.NDArray[np.int16]]
Spacing = tuple[float, float, float]


def ellipsoid(
    axes_mm: Spacing,
    spacing_mm: Spacing,
    hu: float = 20.0,
    shift: Spacing = (0.0, 0.0, 0.0),
    inner: tuple[float, float] | None = None,
) -> Ball:
    """A mask of every voxel that holds some of it, and what a scanner shows; `inner`: diameter, HU of a solid core."""
    shape = [2 * (math.ceil(a / s / 2) + 6) for a, s in zip(axes_mm, spacing_mm, strict=True)]
    ticks = [
        ((np.arange(n * FINE) + 0.5) * s / FINE - n * s / 2 - d).astype(np.float32)
        for n, s, d in zip(shape, spacing_mm, shift, strict=True)
    ]
    z, y, x = np.meshgrid(*ticks, indexing="ij", sparse=True)
    filled = blocks((2 * z / axes_mm[0]) ** 2 + (2 * y / axes_mm[1]) ** 2 + (2 * x / axes_mm[2]) ** 2 <= 1, shape)
    shown = LUNG_HU + filled * (hu - LUNG_HU)
    if inner:
        shown += blocks(4 * (z**2 + y**2 + x**2) <= inner[0] ** 2, shape) * (inner[1] - hu)
    return filled > 0.1, np.round(shown).astype(np.int16)


def blocks(fine: npt.NDArray[np.bool_], shape: list[int]) -> npt.NDArray[np.float64]:
    """Share of each voxel."""
    a, b, c = shape
    held = fine.reshape(a, FINE, -1).sum(axis=1, dtype=np.uint8).reshape(a, b, FINE, -1).sum(axis=2, dtype=np.uint8)
    return np.asarray(held.reshape(a, b, c, FINE).sum(axis=3, dtype=np.uint8) / FINE**3)


@pytest.mark.parametrize("slice_mm", [0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("diameter_mm", [6.0, 9.0, 16.0])
def test_sphere_has_its_diameter_whatever_the_slices(diameter_mm: float, slice_mm: float) -> None:
    spacing = (slice_mm, 0.7, 0.7)
    size = measure.size(*ellipsoid((diameter_mm,) * 3, spacing), spacing)
    assert size.diameter_mm == pytest.approx(diameter_mm, abs=0.3)
    assert size.mean_axis_mm == pytest.approx(diameter_mm, abs=0.3 + slice_mm / 6)
    assert size.solid_volume_mm3 == size.volume_mm3


@settings(max_examples=15)
@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_place_between_voxels_hardly_changes_the_size(shift: Spacing) -> None:
    size = measure.size(*ellipsoid((7.0,) * 3, (1.0, 0.7, 0.7), shift=shift), (1.0, 0.7, 0.7))
    assert size.diameter_mm == pytest.approx(7.0, abs=0.25)
    assert size.mean_axis_mm == pytest.approx(7.0, abs=0.35)


@pytest.mark.parametrize("grown", [-1, 1])
def test_mask_a_voxel_off_changes_a_solid_nodule_less_than_its_count(grown: int) -> None:
    mask, hu = ellipsoid((9.0,) * 3, (1.0, 0.7, 0.7))
    other = np.roll(mask, 1, 2) | np.roll(mask, -1, 2) if grown > 0 else np.roll(mask, 1, 2) & np.roll(mask, -1, 2)
    sizes = [measure.size(m, hu, (1.0, 0.7, 0.7)).volume_mm3 for m in (mask, other)]
    assert abs(math.log(sizes[1] / sizes[0])) < 0.6 * abs(math.log(other.sum() / mask.sum()))


def test_axes_lie_in_plane_at_right_angles_and_end_in_the_patient() -> None:
    mask, hu = ellipsoid((8.0, 18.0, 10.0), (1.0, 0.6, 0.6))
    size = measure.size(mask, hu, (1.0, 0.6, 0.6), origin_lps_mm=(-40.0, 12.0, 300.0))
    assert [size.long_axis_mm, size.short_axis_mm] == pytest.approx([18.0, 10.0], abs=0.4)
    assert size.mean_axis_mm == (size.long_axis_mm + size.short_axis_mm) / 2
    ends = np.array(size.ends_lps_mm)
    assert ends.shape == (4, 3)
    assert len(set(ends[:, 2])) == 1
    long, short = ends[1] - ends[0], ends[3] - ends[2]
    assert np.linalg.norm([long, short], axis=1) == pytest.approx([size.long_axis_mm, size.short_axis_mm], rel=0.02)
    assert abs(long @ short) < 0.15 * size.long_axis_mm * size.short_axis_mm
    middle = np.array([-40.0, 12.0, 300.0]) + [
        (n - 1) / 2 * s for n, s in zip(hu.shape[::-1], (0.6, 0.6, 1), strict=True)
    ]
    assert ends[:2].mean(axis=0) == pytest.approx(middle, abs=0.7)


@settings(max_examples=15)
@given(st.floats(0.3, 3.0))
def test_axes_and_volume_scale_with_the_spacing(factor: float) -> None:
    mask, hu = ellipsoid((6.0, 9.0, 7.0), (1.0, 0.7, 0.7))
    one = measure.size(mask, hu, (1.0, 0.7, 0.7))
    other = measure.size(mask, hu, (factor, 0.7 * factor, 0.7 * factor))
    assert other.volume_mm3 == pytest.approx(one.volume_mm3 * factor**3, rel=1e-5)
    assert other.long_axis_mm == pytest.approx(one.long_axis_mm * factor, rel=1e-5)


def test_turning_by_a_right_angle_changes_nothing() -> None:
    mask, hu = ellipsoid((6.0, 11.0, 7.0), (1.0, 0.7, 0.7), shift=(0.1, 0.3, -0.2))
    one = measure.size(mask, hu, (1.0, 0.7, 0.7))
    other = measure.size(np.rot90(mask, axes=(1, 2)), np.rot90(hu, axes=(1, 2)), (1.0, 0.7, 0.7))
    assert other.volume_mm3 == pytest.approx(one.volume_mm3)
    assert [other.long_axis_mm, other.short_axis_mm] == pytest.approx([one.long_axis_mm, one.short_axis_mm])


def test_tilted_gantry_makes_voxels_smaller() -> None:
    mask, hu = ellipsoid((8.0,) * 3, (1.0, 0.7, 0.7))
    tilt = math.radians(20)
    directions = np.array([[0, math.sin(tilt), math.cos(tilt)], [0, 1, 0], [1, 0, 0]])
    upright, tilted = (measure.size(mask, hu, (1.0, 0.7, 0.7), directions=d).volume_mm3 for d in (None, directions))
    assert tilted == pytest.approx(upright * math.cos(tilt))


def test_vessel_beside_it_is_not_measured_with_it() -> None:
    mask, hu = ellipsoid((9.0,) * 3, (1.0, 0.7, 0.7))
    alone = measure.size(mask, hu, (1.0, 0.7, 0.7))
    _, middle, last = (n // 2 for n in hu.shape)
    beside = hu.copy()
    beside[:, middle - 2 : middle + 2, last + 8 :] = 30
    assert measure.size(mask, beside, (1.0, 0.7, 0.7)).diameter_mm == pytest.approx(alone.diameter_mm, abs=0.3)


def test_strand_within_the_mask_does_not_lengthen_its_axes() -> None:
    mask, hu = ellipsoid((12.0,) * 3, (1.0, 0.7, 0.7))
    alone = measure.size(mask, hu, (1.0, 0.7, 0.7))
    _, middle, last = (n // 2 for n in hu.shape)
    strand = np.s_[:, middle : middle + 2, last:-2]
    hu[strand] = np.maximum(hu[strand], -100)
    mask[strand] = True
    assert measure.size(mask, hu, (1.0, 0.7, 0.7)).mean_axis_mm == pytest.approx(alone.mean_axis_mm, abs=0.5)


def test_mask_without_voxels_is_refused() -> None:
    with pytest.raises(ValueError, match="without voxels"):
        measure.size(np.zeros((3, 3, 3), bool), np.zeros((3, 3, 3), np.int16), (1.0, 1.0, 1.0))


@settings(max_examples=30)
@given(arrays.arrays(np.bool_, (2, 4, 5)), arrays.arrays(np.int16, (2, 4, 5)))
@example(np.zeros((2, 4, 5), np.bool_), np.where(np.arange(40).reshape(2, 4, 5) % 2, 32767, -32768).astype(np.int16))
@example(np.ones((2, 4, 5), np.bool_), np.where(np.arange(40).reshape(2, 4, 5) % 2, 32767, -32768).astype(np.int16))
@example(np.ones((2, 4, 5), np.bool_), np.where(np.arange(40).reshape(2, 4, 5) == 7, -300, -301).astype(np.int16))
@example(np.zeros((2, 4, 5), np.bool_), np.full((2, 4, 5), -300, np.int16))
def test_any_voxels_give_finite_sizes(mask: npt.NDArray[np.bool_], hu: npt.NDArray[np.int16]) -> None:
    mask[1, 2, 2] = True
    size = measure.size(mask, hu, (2.0, 0.7, 0.7))
    assert 0 < size.volume_mm3 < math.inf
    assert 0 <= size.short_axis_mm <= size.long_axis_mm < math.inf
    assert 0 <= size.solid_volume_mm3 <= size.volume_mm3
    assert 0 <= size.solid_mean_axis_mm <= size.mean_axis_mm


@pytest.mark.parametrize(
    ("hu", "inner", "density"),
    [
        (20, None, Density.SOLID),
        (-600, None, Density.GROUND_GLASS),
        (-600, (9.0, 20), Density.PART_SOLID),
        (-600, (3.0, 20), Density.GROUND_GLASS),
        (-290, None, Density.SOLID),
        (-310, None, Density.GROUND_GLASS),
    ],
)
def test_density_is_by_the_share_of_solid_tissue(hu: int, inner: tuple[float, float] | None, density: Density) -> None:
    assert measure.density(*ellipsoid((14.0,) * 3, (1.0, 0.7, 0.7), hu, inner=inner)) is density


def test_solid_part_of_a_part_solid_nodule_is_measured_apart() -> None:
    mask, hu = ellipsoid((16.0,) * 3, (1.0, 0.7, 0.7), -600, inner=(9.0, 20))
    size = measure.size(mask, hu, (1.0, 0.7, 0.7))
    assert size.mean_axis_mm == pytest.approx(16.0, abs=0.6)
    assert size.solid_mean_axis_mm == pytest.approx(9.0, abs=0.5)
    assert size.solid_volume_mm3 == pytest.approx(math.pi / 6 * 9.0**3, rel=0.12)


def test_ground_glass_has_no_solid_part() -> None:
    size = measure.size(*ellipsoid((12.0,) * 3, (1.0, 0.7, 0.7), -620), (1.0, 0.7, 0.7))
    assert (size.solid_mean_axis_mm, size.solid_volume_mm3) == (0.0, 0.0)
    assert size.diameter_mm == pytest.approx(12.0, abs=0.3)
    assert size.mean_hu == pytest.approx(-620, abs=30)


@pytest.mark.parametrize(("hu", "calcified"), [(20, False), (150, False), (600, True), (1500, True)])
def test_calcified_is_what_is_mostly_calcium(hu: int, calcified: bool) -> None:
    assert measure.calcified(*ellipsoid((7.0,) * 3, (1.0, 0.7, 0.7), hu)) is calcified


def test_fleck_of_calcium_does_not_make_a_nodule_calcified() -> None:
    assert not measure.calcified(*ellipsoid((12.0,) * 3, (1.0, 0.7, 0.7), 20, inner=(5.0, 900)))


@given(st.integers(0, 40))
def test_axis_is_rounded_to_the_nearest_millimetre(whole: int) -> None:
    assert [measure.rounded_mm(whole + part) for part in (0.0, 0.49, 0.5, 0.99)] == [whole, whole, whole + 1, whole + 1]


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_mask_comes_back_from_its_runs(voxels: npt.NDArray[np.bool_]) -> None:
    mask = measure.encode(voxels, (3, 4, 5))
    assert sum(mask.runs) == voxels.size
    assert all(run > 0 for run in mask.runs[1:])
    assert np.array_equal(measure.decode(mask), voxels)


def test_runs_that_do_not_fill_their_box_are_refused() -> None:
    with pytest.raises(ValueError, match="runs"):
        measure.decode(Mask(origin_zyx=(0, 0, 0), shape_zyx=(2, 2, 2), runs=(3, 4)))
