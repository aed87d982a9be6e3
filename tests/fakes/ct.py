"""A chest CT drawn on the spot: a body with lungs, vessels, windpipe, and nodules whose every millimetre is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from aimis.domain.scan import Point, Series
from aimis.imaging.volume import Volume
from tests.fakes.dicoms import compressed, file_of, padded

Floats = npt.NDArray[np.float32]
Change = Callable[[Dataset, int], object]
SERIES_UID, STUDY_UID, FRAME_UID = "1.2.3.20", "1.2.3.10", "1.2.3.30"
_AIR, _FAT, _TISSUE, _LUNG, _BONE = -1000.0, -100.0, 40.0, -860.0, 350.0
_TABLE_HU, _TABLE_MM = -350.0, (128.0, 140.0)
_OF_A_FRAME = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("RescaleIntercept", "RescaleSlope", "RescaleType"),
)
_HILUM = (40.0, 10.0, 150.0)
"""Distance from the middle, y and z, where a lung's vessels begin."""


@dataclass(frozen=True, kw_only=True)
class Ball:
    """A nodule: where, how wide, how dense; its edge is blurred over a voxel."""

    lps_mm: Point
    diameter_mm: float
    hu: float = 40.0


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """A part of the body, in LPS mm."""

    centre: Point
    half: Point
    hu: float

    def section(self, x: Floats, y: Floats, z: Floats) -> npt.NDArray[np.bool_]:
        """Whether each position lies inside."""
        across, down, up = (((a - c) / h) ** 2 for a, c, h in zip((x, y, z), self.centre, self.half, strict=True))
        return np.asarray(across + down + up <= 1)


RIGHT_LUNG = Ellipsoid(centre=(-78.0, 0.0, 150.0), half=(56.0, 82.0, 130.0), hu=_LUNG)
LEFT_LUNG = Ellipsoid(centre=(78.0, 0.0, 150.0), half=(56.0, 82.0, 130.0), hu=_LUNG)
BODY = (
    Ellipsoid(centre=(0.0, 0.0, 150.0), half=(165.0, 122.0, 1e6), hu=_FAT),
    Ellipsoid(centre=(0.0, 0.0, 150.0), half=(152.0, 108.0, 1e6), hu=_TISSUE),
)
PARTS = (
    RIGHT_LUNG,
    LEFT_LUNG,
    Ellipsoid(centre=(35.0, -35.0, 90.0), half=(50.0, 45.0, 55.0), hu=_TISSUE),  # the heart
    Ellipsoid(centre=(0.0, 80.0, 150.0), half=(18.0, 18.0, 1e6), hu=_BONE),  # the spine
    Ellipsoid(centre=(0.0, 5.0, 290.0), half=(9.0, 9.0, 125.0), hu=_AIR),  # the windpipe
)


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """How the body is scanned: lungs reach from 20 to 280 mm over the feet's end.

    shape, spacing_mm : slices, rows, columns
    first_mm : height of slice 0's middle
    tilt_degrees : of the gantry, about the axis from right to left
    """

    shape: tuple[int, int, int] = (100, 128, 128)
    spacing_mm: tuple[float, float, float] = (3.0, 2.7, 2.7)
    first_mm: float = 0.0
    tilt_degrees: float = 0.0

    @property
    def directions(self) -> npt.NDArray[np.float64]:
        """As `Volume.directions`; slices are stacked along the table, however the gantry stands."""
        angle = math.radians(self.tilt_degrees)
        return np.array([[0, 0, 1.0], [0, math.cos(angle), math.sin(angle)], [1, 0, 0]])

    @property
    def origin_lps_mm(self) -> Point:
        """The body's middle is in the middle of the slices."""
        x, y = (-(n - 1) / 2 * mm for n, mm in zip(self.shape[:0:-1], self.spacing_mm[:0:-1], strict=True))
        _, along_y, along_z = self.directions[1]
        return (x, float(y * along_y), float(self.first_mm + y * along_z))


def scan(
    scanner: Scanner | None = None,
    nodules: Sequence[Ball] = (),
    *,
    noise_hu: float = 12.0,
    vessels: int = 30,
    seed: int = 0,
    series: Series | None = None,
) -> Volume:
    """The scan of the body with these nodules; the same seed gives the same vessels and noise."""
    by = scanner or Scanner()
    random = np.random.default_rng(seed)
    balls = (*_vessels(vessels, random), *nodules)
    heights = np.array([ball.lps_mm[2] for ball in balls])
    reaches = np.array([ball.diameter_mm / 2 + max(by.spacing_mm) for ball in balls])
    x = (by.origin_lps_mm[0] + np.arange(by.shape[2]) * by.spacing_mm[2])[None].astype(np.float32)
    hu = np.empty(by.shape, np.int16)
    for at in range(by.shape[0]):
        _, y, z = _rows(by, at)
        section = _section(x, y, z)
        for met in np.flatnonzero((heights + reaches >= z.min()) & (heights - reaches <= z.max())):
            _blend(section, balls[met], (x, y, z), by)
        noise = random.standard_normal(section.shape, np.float32) * np.float32(noise_hu)
        hu[at] = np.rint(np.maximum(section + noise, -1024))
    return Volume(
        hu=hu,
        spacing_mm=by.spacing_mm,
        origin_lps_mm=by.origin_lps_mm,
        directions=by.directions,
        series=series
        or Series(shape_zyx=by.shape, spacing_zyx_mm=by.spacing_mm, thickness_mm=by.spacing_mm[0], date="2026-03-01"),
        instance_numbers=tuple(range(1, by.shape[0] + 1)),
        sop_instance_uids=tuple(f"{SERIES_UID}.{at}" for at in range(by.shape[0])),
        patient_id="P-17",
        study_instance_uid=STUDY_UID,
    )


def _rows(by: Scanner, at: int) -> tuple[float, Floats, Floats]:
    """x of the first column, and y and z of each row of a slice, as columns."""
    down = np.arange(by.shape[1]) * by.spacing_mm[1]
    x, y, z = by.origin_lps_mm
    _, along_y, along_z = by.directions[1]
    ys, zs = y + down * along_y, z + at * by.spacing_mm[0] + down * along_z
    return x, ys[:, None].astype(np.float32), zs[:, None].astype(np.float32)


def _section(x: Floats, y: Floats, z: Floats) -> Floats:
    values = np.full(np.broadcast_shapes(x.shape, y.shape), _AIR, np.float32)
    values[((y > _TABLE_MM[0]) & (y < _TABLE_MM[1]) & (abs(x) < 200)) | np.zeros(values.shape, bool)] = _TABLE_HU
    for part in (*BODY, *PARTS):
        values[part.section(x, y, z)] = part.hu
    return values


def _vessels(count: int, random: np.random.Generator) -> Iterator[Ball]:
    """Rows of balls that grow thinner from the hilum outwards."""
    for number in range(count):
        lung = (RIGHT_LUNG, LEFT_LUNG)[number % 2]
        way = random.standard_normal(3)
        way /= np.linalg.norm(way)
        far = np.array(lung.centre) + way * np.array(lung.half) * 0.85
        near = np.array([math.copysign(_HILUM[0], lung.centre[0]), *_HILUM[1:]])
        for share in np.linspace(0, 1, 80):
            middle = near + (far - near) * share
            yield Ball(lps_mm=_point(middle), diameter_mm=float(7 - 5.5 * share))


def _point(lps_mm: npt.NDArray[Any]) -> Point:
    x, y, z = map(float, lps_mm)
    return (x, y, z)


def _blend(section: Floats, ball: Ball, at: tuple[Floats, Floats, Floats], by: Scanner) -> None:
    """Draw the part of a ball that a slice of its thickness holds."""
    x, y, z = at
    reach = ball.diameter_mm / 2 + max(by.spacing_mm)
    rows = np.flatnonzero((abs(y - ball.lps_mm[1]) <= reach) & (abs(z - ball.lps_mm[2]) <= reach))
    columns = np.flatnonzero(abs(x - ball.lps_mm[0]) <= reach)
    if not len(rows) or not len(columns):
        return
    box = np.ix_(rows, columns)
    flat = (x[:, columns] - ball.lps_mm[0]) ** 2 + (y[rows] - ball.lps_mm[1]) ** 2
    heights = z[rows] - ball.lps_mm[2] + by.spacing_mm[0] * np.array([-0.375, -0.125, 0.125, 0.375])[:, None, None]
    gone_in = (ball.diameter_mm / 2 - np.sqrt(flat + heights**2)) / by.spacing_mm[1]
    share = np.clip(0.5 + gone_in, 0, 1).mean(axis=0).astype(np.float32)
    section[box] += share * (np.float32(ball.hu) - section[box])


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How a scan is written as DICOM.

    order : in which the slices are written (name and instance number), by index; all of them from the feet unless told
    turned : rows and columns run to the front and to the right, as of a patient lying prone
    change : what else is done to a slice's data set, told its index
    """

    transfer_syntax: str = uid.ExplicitVRLittleEndian
    order: Sequence[int] | None = None
    turned: bool = False
    signed: bool = False
    intercept: float = -1024.0
    slope: float = 1.0
    kernel: str = "B30f"
    description: str = "Thorax 1.0"
    series_uid: str = SERIES_UID
    study_uid: str = STUDY_UID
    change: Change = field(default=lambda _dataset, _at: None)


def dicom_files(volume: Volume, writing: Writing | None = None) -> Iterator[bytes]:
    """The bytes of one CT Image a slice."""
    how = writing or Writing()
    for number, at in enumerate(how.order if how.order is not None else range(len(volume.hu)), start=1):
        dataset = slice_dataset(volume, at, number, how)
        how.change(dataset, at)
        syntax = uid.UID(how.transfer_syntax)
        if syntax.is_compressed and not syntax.is_deflated:
            yield compressed(dataset, syntax)
        else:
            yield file_of(dataset, transfer_syntax=how.transfer_syntax)


def write_dicom(folder: Path, volume: Volume, writing: Writing | None = None, *, prefix: str = "IM") -> Path:
    """A folder of a scan's files, IM0001.dcm and so on; other files in it stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(dicom_files(volume, writing), start=1):
        (folder / f"{prefix}{number:04}.dcm").write_bytes(content)
    return folder


def enhanced_file(volume: Volume, writing: Writing | None = None) -> bytes:
    """One Enhanced CT Image (PS3.3 A.38) of all slices, in the order written; `change` is called once, told 0."""
    how = writing or Writing()
    order = how.order if how.order is not None else range(len(volume.hu))
    slices = [slice_dataset(volume, at, number, how) for number, at in enumerate(order, start=1)]
    dataset = slice_dataset(volume, 0, 1, how)
    dataset.SOPClassUID, dataset.NumberOfFrames = uid.EnhancedCTImageStorage, len(slices)
    for keyword in _OF_A_FRAME:
        delattr(dataset, keyword)
    dataset.PixelData = b"".join(each.PixelData for each in slices)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_only(slices[0], "ImageOrientationPatient")]
    shared.PixelMeasuresSequence = [_only(slices[0], "PixelSpacing", "SliceThickness")]
    shared.PixelValueTransformationSequence = [_only(slices[0], "RescaleIntercept", "RescaleSlope", "RescaleType")]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_frame_group(each) for each in slices]
    how.change(dataset, 0)
    syntax = uid.UID(how.transfer_syntax)
    return compressed(dataset, syntax) if syntax.is_compressed else file_of(dataset, transfer_syntax=syntax)


def _frame_group(one: Dataset) -> Dataset:
    group = Dataset()
    group.PlanePositionSequence = [_only(one, "ImagePositionPatient")]
    return group


def _only(dataset: Dataset, *keywords: str) -> Dataset:
    chosen = Dataset()
    for keyword in keywords:
        setattr(chosen, keyword, dataset[keyword].value)
    return chosen


def slice_dataset(volume: Volume, at: int, number: int, how: Writing) -> Dataset:
    """A CT Image (PS3.3 A.3) of one slice, uncompressed."""
    stored = np.rint((volume.hu[at].astype(np.float64) - how.intercept) / how.slope)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    _identify(dataset, volume, how)
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.CTImageStorage, f"{how.series_uid}.{at}"
    dataset.InstanceNumber, dataset.ImageType = number, ["ORIGINAL", "PRIMARY", "AXIAL"]
    corner, across, down = volume.to_lps([at, 0, 0]), volume.directions[2], volume.directions[1]
    if how.turned:
        corner, across, down = volume.to_lps([at, volume.hu.shape[1] - 1, volume.hu.shape[2] - 1]), -across, -down
        stored = stored[::-1, ::-1]
    dataset.ImagePositionPatient = [f"{v:.6f}" for v in corner]
    dataset.ImageOrientationPatient = [f"{v:.9f}" for v in (*across, *down)]
    dataset.PixelSpacing = [f"{v:.6f}" for v in volume.spacing_mm[1:]]
    dataset.SliceThickness = f"{volume.series.thickness_mm or volume.spacing_mm[0]:g}"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = f"{how.intercept:g}", f"{how.slope:g}", "HU"
    _hold(dataset, stored, signed=how.signed)
    return dataset


def _identify(dataset: Dataset, volume: Volume, how: Writing) -> None:
    dataset.PatientID, dataset.PatientName, dataset.Modality = volume.patient_id or "P-17", "Doe^Jane", "CT"
    dataset.PatientAge, dataset.PatientSex = "061Y", "F"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = how.study_uid, how.series_uid
    dataset.FrameOfReferenceUID = FRAME_UID
    dataset.AcquisitionDate = (volume.series.date or "2026-03-01").replace("-", "")
    dataset.ConvolutionKernel, dataset.SeriesDescription = how.kernel, how.description
    dataset.PatientPosition = "HFP" if how.turned else "HFS"


def _hold(dataset: Dataset, stored: npt.NDArray[Any], *, signed: bool) -> None:
    """The pixels: 12 of 16 bits, or 16 with a sign."""
    lowest, highest = (-32768, 32767) if signed else (0, 4095)
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = 16, 16 if signed else 12
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(signed)
    dataset.PixelData = padded(np.clip(stored, lowest, highest).astype("<i2" if signed else "<u2").tobytes())
    dataset["PixelData"].VR = "OW"


def nifti_of(volume: Volume, dtype: npt.DTypeLike = np.int16, *, slope: float = 1.0, inter: float = 0.0) -> Any:
    """The scan as a NIfTI image; its axes run as those of `Volume`, last first, in RAS mm."""
    affine = np.eye(4)
    affine[:3, :3] = (np.asarray(volume.spacing_mm)[:, None] * volume.directions)[::-1].T
    affine[:3, 3] = volume.origin_lps_mm
    stored = ((volume.hu.T - inter) / slope).astype(dtype)
    make: Any = nibabel.Nifti1Image  # nibabel says no types
    image = make(stored, np.diag([-1.0, -1, 1, 1]) @ affine)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(slope, inter)
    return image


def write_nifti(path: Path, volume: Volume, dtype: npt.DTypeLike = np.int16) -> Path:
    """A .nii or .nii.gz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save: Any = nibabel.save
    save(nifti_of(volume, dtype), path)
    return path


def part(volume: Volume, slices: slice) -> Volume:
    """Some of a scan's slices, side by side."""
    chosen = range(len(volume.hu))[slices]
    return replace(
        volume,
        hu=volume.hu[slices],
        spacing_mm=(volume.spacing_mm[0] * abs(chosen.step), *volume.spacing_mm[1:]),
        origin_lps_mm=_point(volume.to_lps([chosen.start, 0, 0])),
        instance_numbers=volume.instance_numbers[slices],
        sop_instance_uids=volume.sop_instance_uids[slices],
    )
