"""NIfTI-1 and -2 volumes in one file, gzipped or not.

Source: nifti1.h and nifti2.h of the NIfTI Data Format Working Group; their axes run right, front and head.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

import nibabel
import numpy as np
import numpy.typing as npt

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.domain.scan import Series
from aimis.imaging import ct_stack, hounsfield
from aimis.imaging.ct_pixels import AIR_HU, Hu
from aimis.imaging.foreign import foreign_decoder
from aimis.imaging.volume import Volume

Floats = npt.NDArray[np.float64]
_GZIP_MAGIC = b"\x1f\x8b"
_MAGIC_1, _MAGIC_2 = (344, b"n+1\0"), (4, b"n+2\0")
_HEADER_BYTES = 540
_MM_OF_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
_AXIAL_COSINE, _SQUARE = 0.8, 0.01
_COARSEST_PIXEL_MM = 10.0
_HIGHEST_HU = 32767


@dataclass(frozen=True, kw_only=True, eq=False)
class _Header:
    """What the header says.

    shape : of the voxels as stored, slowest axis first
    steps_mm : shape (3, 3); row k is the step along that axis, in LPS
    origin_mm : LPS, of the first voxel
    every : of the slices along the first axis one is read
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    inter: float
    steps_mm: Floats
    origin_mm: Floats
    is_oriented: bool
    every: int = 1

    @property
    def spacing_mm(self) -> Floats:
        """Along each stored axis."""
        return np.asarray(np.linalg.norm(self.steps_mm, axis=1))


def load_nifti(content: bytes) -> Volume:
    """The volume, turned to run as all do.

    Raises `BrokenInputError` "broken-picture" or "truncated", and `UnsupportedInputError` "no-volume" for more or
    fewer dimensions than three, "unsupported-pixels", "not-axial", and what slices and values are refused for.
    """
    with _opened(content) as stream:
        header = _read_header(stream)
        upwards = _axes(header)[0]
        slices, step = header.shape[upwards], float(header.spacing_mm[upwards])
        limited = [*ct_stack.check_extent(slices, step, (slices - 1) * step)]
        every, thinned = ct_stack.thinning(slices, math.prod(header.shape) // slices, step)
        if every > 1 and upwards != 0:
            raise UnsupportedInputError("too-many-slices", slices=slices)
        header = _thinned(header, every)
        stored, lacking = _read_voxels(stream, header)
    if lacking:
        limited.append(Reason.of("voxels-missing", percent=math.ceil(100 * lacking / stored.size)))
    if not header.is_oriented:
        limited.append(Reason.of("orientation-unknown"))
    volume = _turned(stored, header, (*limited, *thinned))
    hounsfield.check(volume.hu)
    return volume


def _turned(stored: Hu, header: _Header, limited: tuple[Reason, ...]) -> Volume:
    axes = _axes(header)
    steps = header.steps_mm[list(axes)]
    origin, hu = header.origin_mm, stored.transpose(axes)
    for axis, towards in enumerate((2, 1, 0)):
        if steps[axis, towards] < 0:
            origin = origin + (hu.shape[axis] - 1) * steps[axis]
            steps[axis] = -steps[axis]
            hu = np.flip(hu, axis)
    between, down, across = (float(mm) for mm in np.linalg.norm(steps, axis=1))
    x, y, z = (float(mm) for mm in origin)
    shape = (hu.shape[0], hu.shape[1], hu.shape[2])
    return Volume(
        hu=np.ascontiguousarray(hu),
        spacing_mm=(between, down, across),
        origin_lps_mm=(x, y, z),
        directions=steps / np.array([[between], [down], [across]]),
        series=Series(shape_zyx=shape, spacing_zyx_mm=(between, down, across)),
        limited=limited,
    )


@contextmanager
def _opened(content: bytes) -> Iterator[BinaryIO]:
    """The bytes, unzipped as they are read; what unzipping raises is said of the file."""
    with foreign_decoder("truncated", why="NIfTI"):
        source = io.BytesIO(content)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=source)) if content.startswith(_GZIP_MAGIC) else source


def _read_header(stream: BinaryIO) -> _Header:
    beginning = stream.read(_HEADER_BYTES)
    kind: Any = nibabel.Nifti2Header if beginning.startswith(_MAGIC_2[1], _MAGIC_2[0]) else nibabel.Nifti1Header
    if kind is nibabel.Nifti1Header and not beginning.startswith(_MAGIC_1[1], _MAGIC_1[0]):
        raise BrokenInputError("broken-picture", why="NIfTI")
    with foreign_decoder("broken-picture", why="NIfTI", also=(nibabel.spatialimages.HeaderDataError,)):
        header = kind.from_fileobj(io.BytesIO(beginning), check=False)
        shape = header.get_data_shape()
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3 or min(shape) < 1:
            raise UnsupportedInputError("no-volume", dimensions=len(shape))
        return _checked(header, shape, read=len(beginning))


def _checked(header: Any, shape: tuple[int, int, int], *, read: int) -> _Header:
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise UnsupportedInputError("unsupported-pixels", layout=str(dtype))
    unit = _MM_OF_UNIT.get(header.get_xyzt_units()[0], 1.0)
    affine = header.get_best_affine() * unit
    slope, inter = header.get_slope_inter()
    offset = int(header["vox_offset"])
    steps = (affine[:3, :3].T * _RAS_TO_LPS)[::-1]
    if offset < 352 or not np.isfinite(affine).all() or not np.linalg.norm(steps, axis=1).all():
        raise BrokenInputError("broken-picture", why="NIfTI")
    return _Header(
        shape=(int(shape[2]), int(shape[1]), int(shape[0])),
        dtype=dtype,
        offset=offset - read,
        slope=1.0 if slope is None else float(slope),
        inter=0.0 if inter is None else float(inter),
        steps_mm=steps,
        origin_mm=affine[:3, 3] * _RAS_TO_LPS,
        is_oriented=bool(header["sform_code"] or header["qform_code"]),
    )


def _axes(header: _Header) -> tuple[int, int, int]:
    """Which stored axes run up, back and left; raises "not-axial" where one is more than 37 degrees off."""
    units = header.steps_mm / header.spacing_mm[:, None]
    axes = [int(np.argmax(np.abs(units[:, towards]))) for towards in (2, 1, 0)]
    skewed = np.abs(units @ units.T - np.eye(3)).max() > _SQUARE
    if skewed or any(abs(units[axis, towards]) < _AXIAL_COSINE for axis, towards in zip(axes, (2, 1, 0), strict=True)):
        raise UnsupportedInputError("not-axial", orientation="oblique")
    if header.spacing_mm[axes[1:]].max() > _COARSEST_PIXEL_MM:
        raise UnsupportedInputError("not-axial", orientation="coronal")
    return axes[0], axes[1], axes[2]


def _thinned(header: _Header, every: int) -> _Header:
    slices, rows, columns = header.shape
    steps = header.steps_mm * np.array([[every], [1], [1]])
    return replace(header, shape=(-(-slices // every), rows, columns), steps_mm=steps, every=every)


def _read_voxels(stream: BinaryIO, header: _Header) -> tuple[Hu, int]:
    """The voxels and how many are no numbers; slice by slice, so that never all of them are held in their own type."""
    hu, lacking = np.empty(header.shape, np.int16), 0
    pixels = header.shape[1] * header.shape[2]
    _pass_over(stream, header.offset)
    for at in range(header.shape[0]):
        raw = stream.read(pixels * header.dtype.itemsize)
        if len(raw) < pixels * header.dtype.itemsize:
            raise BrokenInputError("truncated")
        values = np.frombuffer(raw, header.dtype)
        lacking += values.size - int(np.isfinite(values).sum()) if header.dtype.kind == "f" else 0
        hu[at] = _to_hu(values, header).reshape(hu.shape[1:])
        if header.every > 1 and at < header.shape[0] - 1:
            _pass_over(stream, (header.every - 1) * pixels * header.dtype.itemsize)
    return hu, lacking


def _pass_over(stream: BinaryIO, size: int) -> None:
    """Read past, or in an uncompressed file back to where the voxels begin."""
    stream.seek(size, io.SEEK_CUR)


def _to_hu(stored: npt.NDArray[Any], header: _Header) -> Hu:
    """Values that are no numbers, or no finite ones, are air."""
    if stored.dtype == np.int16 and (header.slope, header.inter) == (1.0, 0.0):
        return np.asarray(np.maximum(stored, np.int16(AIR_HU)))
    values = stored * np.float32(header.slope) + np.float32(header.inter)
    return np.asarray(
        np.rint(np.clip(np.where(np.isfinite(stored), values, AIR_HU), AIR_HU, _HIGHEST_HU)).astype(np.int16)
    )
