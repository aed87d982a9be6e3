"""What one DICOM instance says of the series it belongs to, of its place in the patient, and of its pixels.

Source: DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.3 (Image Pixel), C.8.2.1 (CT Image), C.7.5.1.1.2 (padding values).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import charset

from aimis.domain.errors import BrokenInputError
from aimis.domain.identity import Identity
from aimis.imaging import age, dicom_tags

if TYPE_CHECKING:
    from aimis.imaging.dicom_walk import Walked

_SLICED = frozenset({"CT", "MR", "PT", "NM"})
_BESIDE = frozenset({"SR", "KO", "PR", "SEG", "REG", "RTSTRUCT", "RTDOSE", "RTPLAN"})
"""What is stored with the slices of a study and is no picture of its own."""
_LONGEST_TEXT = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Plane:
    """How one slice lies in the patient: PS3.3 C.7.6.2.

    position_mm : centre of its first pixel, LPS
    across, down : unit vectors along a row and along a column
    spacing_mm : between rows, between columns
    """

    position_mm: tuple[float, float, float]
    across: tuple[float, float, float]
    down: tuple[float, float, float]
    spacing_mm: tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """How pixels are stored and what they mean.

    padding : stored values, first to last, of what is no part of the picture; None where none are named
    order : < or >, of a pixel's bytes
    pixels_at, pixels_length : of Pixel Data in the file (inflated where it was deflated); no length where encapsulated
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    transfer_syntax: str
    slope: float
    intercept: float
    order: str
    pixels_at: int
    pixels_length: int | None
    padding: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One slice's header; what is absent or unreadable is None or empty.

    lacking : keyword of the first tag that is missing or wrong, so that this can be no slice of a volume
    frames : 1 but for multi-frame objects, whose planes their functional groups say
    """

    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str | None
    identity: Identity
    image_type: tuple[str, ...]
    description: str | None
    kernel: str | None
    date: str | None
    age_years: int | None
    sex: str | None
    thickness_mm: float | None
    number: int | None
    acquisition: int | None
    frames: int
    plane: Plane | None
    stored: Stored | None
    lacking: str | None

    @property
    def is_volumetric(self) -> bool:
        """Whether it belongs to an examination that is no photograph and no video."""
        return self.modality in _SLICED | _BESIDE


def read_instance(walked: Walked) -> Instance:
    """The header; never raises, for what it lacks decides later which series is read."""
    tags = _Tags(walked)
    lacking: list[str] = []
    plane, stored = _plane(tags, lacking), _stored(tags, walked, lacking)
    date = next(filter(None, map(tags.date, (0x00080022, 0x00080021, 0x00080020))), None)
    return Instance(
        modality=tags.text(0x00080060) or "OT",
        sop_class_uid=tags.text(0x00080016) or "",
        sop_instance_uid=tags.text(0x00080018) or "",
        series_instance_uid=tags.text(0x0020000E) or "",
        study_instance_uid=tags.text(0x0020000D) or "",
        frame_of_reference_uid=tags.text(0x00200052),
        identity=_identity(tags),
        image_type=tuple(part.strip().upper() for part in (tags.text(0x00080008) or "").split("\\")),
        description=tags.text(0x0008103E),
        kernel=tags.text(0x00181210),
        date=date,
        age_years=age.years(tags.text(0x00101010), tags.date(0x00100030), date),
        sex=tags.text(0x00100040),
        thickness_mm=next(iter(tags.numbers(0x00180050)), None),
        number=tags.whole(0x00200013),
        acquisition=tags.whole(0x00200012),
        frames=tags.whole(0x00280008) or 1,
        plane=plane,
        stored=stored,
        lacking=lacking[0] if lacking else None,
    )


def _identity(tags: _Tags) -> Identity:
    return Identity(
        patient_id=tags.text(0x00100020),
        issuer=tags.text(0x00100021),
        birth_date=tags.text(0x00100030),
        sex=tags.text(0x00100040),
        name=tags.text(0x00100010),
        study_instance_uid=tags.text(0x0020000D),
        study_date=tags.text(0x00080020),
    )


def _plane(tags: _Tags, lacking: list[str]) -> Plane | None:
    position, axes, spacing = (tags.numbers(tag) for tag in (0x00200032, 0x00200037, 0x00280030))
    found = plane_of(position, axes, spacing)
    if isinstance(found, str):
        lacking.append(found)
        return None
    return found


def plane_of(position: tuple[float, ...], axes: tuple[float, ...], spacing: tuple[float, ...]) -> Plane | str:
    """The plane, or the keyword of what is missing or can be none: axes must be unit vectors at right angles."""
    if len(position) != 3:
        return "ImagePositionPatient"
    across, down = axes[:3], axes[3:]
    if len(axes) != 6 or abs(sum(a * b for a, b in zip(across, down, strict=True))) > 0.01:
        return "ImageOrientationPatient"
    if abs(math.hypot(*across) - 1) > 0.01 or abs(math.hypot(*down) - 1) > 0.01:
        return "ImageOrientationPatient"
    if len(spacing) != 2 or not all(0.05 <= mm <= 10 for mm in spacing):
        return "PixelSpacing"
    return Plane(
        position_mm=(position[0], position[1], position[2]),
        across=_unit(across),
        down=_unit(down),
        spacing_mm=(spacing[0], spacing[1]),
    )


def _unit(vector: tuple[float, ...]) -> tuple[float, float, float]:
    length = math.hypot(*vector)
    x, y, z = (part / length for part in vector)
    return (x, y, z)


def _stored(tags: _Tags, walked: Walked, lacking: list[str]) -> Stored | None:
    rows, columns = tags.unsigned(0x00280010), tags.unsigned(0x00280011)
    allocated, bits = tags.unsigned(0x00280100), tags.unsigned(0x00280101)
    slope, intercept = (next(iter(tags.numbers(tag)), None) for tag in (0x00281053, 0x00281052))
    if not rows or not columns or not allocated or not bits or walked.pixels_at is None:
        said = {"Rows": rows, "Columns": columns, "BitsAllocated": allocated, "BitsStored": bits}
        lacking.append(next((keyword for keyword, value in said.items() if not value), "PixelData"))
        return None
    return Stored(
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=bits,
        high_bit=tags.unsigned(0x00280102) or bits - 1,
        signed=tags.unsigned(0x00280103) == 1,
        transfer_syntax=tags.text(0x00020010) or "",
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        order=walked.order,
        pixels_at=walked.pixels_at,
        pixels_length=walked.pixels_length,
        padding=tags.padding(),
    )


def _is_plain(value: bytes) -> bool:
    """Whether no character set has to be asked; an escape changes it amid the text."""
    return value.isascii() and b"\x1b" not in value


class _Tags:
    """Values of a header, read as their tag's kind."""

    def __init__(self, walked: Walked) -> None:
        self.values = walked.values
        self._unsigned = struct.Struct(f"{walked.order}H").unpack_from

    def text(self, tag: int) -> str | None:
        """Without control characters; None where it is absent or empty."""
        value = self.values.get(tag)
        if not value:
            return None
        said = value.rstrip(b"\0 ").decode("ascii") if _is_plain(value) else self._decoded(value)
        printed = said if said.isprintable() else "".join(c for c in said if c.isprintable())
        return printed.strip()[:_LONGEST_TEXT] or None

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Decimal strings; none where any is no finite number."""
        try:
            found = tuple(float(part) for part in self.values.get(tag, b"").rstrip(b"\0 ").split(b"\\") if part)
        except ValueError:
            return ()
        return found if all(map(math.isfinite, found)) else ()

    def whole(self, tag: int) -> int | None:
        """An integer string."""
        number = next(iter(self.numbers(tag)), None)
        return None if number is None else int(number)

    def unsigned(self, tag: int) -> int | None:
        """A 16-bit number as written in the data set."""
        value = self.values.get(tag, b"")
        return int(self._unsigned(value)[0]) if len(value) >= 2 else None

    def date(self, tag: int) -> str | None:
        """YYYYMMDD as YYYY-MM-DD."""
        said = self.text(tag)
        return f"{said[:4]}-{said[4:6]}-{said[6:8]}" if said and len(said) == 8 and said.isdecimal() else None

    def padding(self) -> tuple[int, int] | None:
        """Pixel Padding Value to Pixel Padding Range Limit, in ascending order."""
        signed = self.unsigned(0x00280103) == 1
        first = self.unsigned(0x00280120)
        last = self.unsigned(0x00280121)
        if first is None:
            return None
        ends = [end - 0x10000 if signed and end > 0x7FFF else end for end in (first, first if last is None else last)]
        return min(ends), max(ends)

    def _decoded(self, value: bytes) -> str:
        said = self.values.get(0x00080005, b"").decode("ascii", "replace").strip("\0 ").split("\\")
        try:
            with dicom_tags.reading_tag("SpecificCharacterSet"):
                return str(charset.decode_bytes(value, charset.convert_encodings(said), set()))
        except BrokenInputError:
            return value.decode("ascii", "replace")
