from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aimis.domain.errors import UnsupportedInputError
from aimis.imaging.volume import Volume
from aimis.readers.lung import lungs, scope
from aimis.readers.lung.lungs import Lungs
from tests.fakes import ct

SCANNER = ct.Scanner(shape=(100, 100, 114), spacing_mm=(3.0, 3.3, 3.3))


@pytest.fixture(scope="module")
def volume() -> Volume:
    return ct.scan(SCANNER, vessels=4)


def _codes(volume: Volume, change: Callable[[np.ndarray], np.ndarray] = lambda hu: hu) -> list[str]:
    found = lungs.find_lungs(change(volume.hu.copy()), SCANNER.spacing_mm)
    return [reason.code for reason in scope.check(found)]


def _filled(part: slice) -> Callable[[np.ndarray], np.ndarray]:
    def fill(hu: np.ndarray) -> np.ndarray:
        side = hu[:, :, part]
        side[side < -400] = 20
        return hu

    return fill


def test_nothing_limits_a_whole_chest(volume: Volume) -> None:
    assert _codes(volume) == []


@pytest.mark.parametrize(
    ("shown", "codes"),
    [
        (slice(30, 100), ["lung-base-cut-off"]),
        (slice(0, 70), ["lung-apex-cut-off"]),
        (slice(20, 80), ["lung-base-cut-off", "lung-apex-cut-off"]),
    ],
)
def test_an_end_that_is_cut_off_limits(volume: Volume, shown: slice, codes: list[str]) -> None:
    assert _codes(volume, lambda hu: hu[shown]) == codes


@pytest.mark.parametrize("shown", [slice(0, 45), slice(60, 100), slice(40, 80)])
def test_less_than_half_of_the_lungs_is_refused(volume: Volume, shown: slice) -> None:
    with pytest.raises(UnsupportedInputError) as refused:
        _codes(volume, lambda hu: hu[shown])
    assert refused.value.reason.code == "lungs-not-covered"


@pytest.mark.parametrize(
    ("filled", "code"), [(slice(0, 57), "right-lung-without-air"), (slice(57, 114), "left-lung-without-air")]
)
def test_a_lung_without_air_limits(volume: Volume, filled: slice, code: str) -> None:
    assert _codes(volume, _filled(filled)) == [code]


def test_a_belly_or_a_head_without_lungs_is_refused(volume: Volume) -> None:
    with pytest.raises(UnsupportedInputError) as refused:
        _codes(volume, _filled(slice(0, 114)))
    assert refused.value.reason.code == "no-lungs"


def test_a_body_without_bones_is_refused(volume: Volume) -> None:
    with pytest.raises(UnsupportedInputError) as refused:
        _codes(volume, lambda hu: np.minimum(hu, 80))
    assert refused.value.reason.code == "not-a-chest"


def test_a_scan_that_its_file_turns_upside_down_is_refused(volume: Volume) -> None:
    with pytest.raises(UnsupportedInputError) as refused:
        _codes(volume, lambda hu: np.ascontiguousarray(hu[::-1]))
    assert refused.value.reason.code == "upside-down"


def test_a_scan_without_a_windpipe_is_not_called_upside_down(volume: Volume) -> None:
    found = lungs.find_lungs(volume.hu, SCANNER.spacing_mm)
    filled = np.where(found.air, np.int16(40), found.hu)
    assert scope.check(replace(found, air=np.zeros_like(found.air), hu=filled)) == ()


def test_a_lung_that_is_small_but_aerated_does_not_limit(volume: Volume) -> None:
    found = lungs.find_lungs(volume.hu, SCANNER.spacing_mm)
    labels = found.labels.copy()
    kept = np.flatnonzero((labels == lungs.LEFT).any(axis=(1, 2)))
    labels[: kept[len(kept) // 3]][labels[: kept[len(kept) // 3]] == lungs.LEFT] = 0
    small: Lungs = replace(found, labels=labels)
    assert small.volumes_ml[1] < 0.8 * small.volumes_ml[0]
    assert scope.check(small) == ()
