"""The small CT series that tests write, read and damage."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.imaging.volume import Volume
from aimis.ingest.item import Item
from aimis.ingest.volumes import Volumes
from tests.fakes import ct
from tests.fakes.dicoms import file_of

SMALL = ct.Scanner(shape=(46, 40, 44), spacing_mm=(3.0, 8.0, 8.5), first_mm=80.0)
SLICES = SMALL.shape[0]


@cache
def small() -> Volume:
    return ct.scan(SMALL, vessels=2)


@cache
def files() -> tuple[bytes, ...]:
    return tuple(ct.dicom_files(small()))


@cache
def encoded(syntax: uid.UID) -> tuple[bytes, ...]:
    return tuple(ct.dicom_files(small(), ct.Writing(transfer_syntax=syntax)))


def item_of(number: int, content: bytes) -> Item:
    return Item(path=f"scan/{number:04}.dcm", load=lambda: content, beginning=lambda size: content[:size])


def read(contents: Sequence[bytes]) -> Volume:
    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(contents):
        assert volumes.take(item_of(number, content), "scan") == ()
    (item,) = volumes.items()
    assert item.path == "scan"
    return item.load()


def written(change: Callable[[Dataset, int], None], volume: Volume | None = None) -> list[bytes]:
    return list(ct.dicom_files(volume or small(), ct.Writing(change=change)))


def changed(at: int, change: Callable[[Dataset], None], contents: Sequence[bytes] | None = None) -> list[bytes]:
    """The files with one slice changed."""
    found = list(contents or files())
    dataset = dcmread(io.BytesIO(found[at]))
    change(dataset)
    found[at] = file_of(dataset)
    return found


def codes(volume: Volume) -> list[str]:
    return [reason.code for reason in volume.limited]


def assert_same(read_back: Volume, original: Volume, *, off_hu: int = 0) -> None:
    assert read_back.hu.shape == original.hu.shape
    assert np.abs(read_back.hu.astype(int) - original.hu).max() <= off_hu
    np.testing.assert_allclose(read_back.origin_lps_mm, original.origin_lps_mm, atol=1e-4)
    np.testing.assert_allclose(read_back.spacing_mm, original.spacing_mm, atol=1e-4)
    np.testing.assert_allclose(read_back.directions, original.directions, atol=1e-6)
