"""The DICOM tags that say what the pixels are and whose, read and checked before any pixel is decoded.

Source: DICOM PS3.3 C.7.6.3 (Image Pixel Module), PS3.5 (transfer syntaxes), PS3.10 (file format).
"""

from __future__ import annotations

import io
import logging
import math
import struct
import zlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from aimis.domain.errors import BrokenInputError, UnsupportedInputError
from aimis.domain.identity import Identity
from aimis.domain.reading import Laterality
from aimis.imaging import age
from aimis.imaging.foreign import foreign_decoder

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from aimis.imaging.limits import Limits

logging.getLogger("pydicom").propagate = False  # its messages quote values, the patient's name among them

_LUT_COLOURS = ("Red", "Green", "Blue")
_LUTS = [f"{colour}PaletteColorLookupTable{part}" for colour in _LUT_COLOURS for part in ("Descriptor", "Data")]
AGE_KEYWORDS = ("PatientAge", "PatientBirthDate", "StudyDate")
PATIENT_KEYWORDS = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientSex", *AGE_KEYWORDS)
_WANTED = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("Modality", *PATIENT_KEYWORDS, "Laterality", "ImageLaterality"),
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"),
    *("FrameTime", "CineRate", "RecommendedDisplayFrameRate"),
    *("PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *_LUTS,
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in _LUT_COLOURS),
]
_WANTED_TAGS: list[Any] = [tag_for_keyword(keyword) for keyword in _WANTED]

_SAMPLES_OF_PHOTOMETRIC = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"
_LONG_KINDS = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"OV", b"UC", b"UR", b"SV", b"UV"})
_MOST_READS = 500_000
_MOST_META_ELEMENTS = 1_000
_LONGEST_ID = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelForm:
    """How the pixels of one file are stored; every field has been checked against the others.

    samples : colours of a pixel, 1 or 3
    shift_bits : unused bits below the stored ones
    """

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    shift_bits: int
    signed: bool
    planar: bool
    photometric: str
    frames: int
    transfer_syntax: UID

    @property
    def is_colour(self) -> bool:
        """Three colours a pixel; a palette's indices are one."""
        return self.samples == 3

    @property
    def is_palette(self) -> bool:
        """Pixels are indices, which must not be scaled or averaged."""
        return self.photometric == "PALETTE COLOR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a file says of its picture's patient and place; absent or unreadable values are None.

    modality : OT (other) where the file names none
    says_laterality : whether the file says anything of it, both eyes included
    """

    modality: str
    laterality: Laterality | None
    says_laterality: bool
    age_years: int | None
    identity: Identity
    series_instance_uid: str | None
    sop_instance_uid: str | None


class _Watched(io.BytesIO):
    """Counts reads, so that a file of a million tiny elements ends, and sees when more was asked than is there."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)
        self.reads = 0
        self.ended_early = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MOST_READS:
            raise BrokenInputError("broken-dicom", why="too many elements")
        found = super().read(size)
        if size and size > 0 and len(found) < size:
            self.ended_early |= bool(found) or self.tell() > self.size
        return found


def read_tags(content: bytes, limits: Limits) -> Dataset:
    """The wanted tags of a DICOM file that holds pixel data.

    Raises `BrokenInputError` "broken-dicom", "truncated" or "no-pixels", and `UnsupportedInputError`
    "wrong-modality" or "unsupported-file" for what holds no picture, "file-too-large" for what inflates so far.
    """
    source = _Watched(inflated(content, limits))
    with reading_tag("data set"):
        dataset = pydicom.dcmread(source, force=True, specific_tags=_WANTED_TAGS)
        if "PixelData" not in dataset:
            _refuse_without_pixels(dataset, ended_early=source.ended_early)
    return dataset


def read_form(dataset: Dataset) -> PixelForm:
    """The form of the pixels.

    Raises `BrokenInputError` "broken-dicom" with the tag that is missing or lies, and `UnsupportedInputError`
    "unsupported-pixels" for forms that are right but not read.
    """
    photometric = _text(dataset, "PhotometricInterpretation") or ""
    samples = _whole(dataset, "SamplesPerPixel", range(1, 5))
    if _SAMPLES_OF_PHOTOMETRIC.get(photometric, samples) != samples or not photometric:
        raise BrokenInputError("broken-dicom", why="PhotometricInterpretation")
    if photometric not in _SAMPLES_OF_PHOTOMETRIC:
        raise UnsupportedInputError("unsupported-pixels", photometric=photometric)
    allocated = _whole(dataset, "BitsAllocated", range(1, 65))
    if allocated not in {8, 16}:
        raise UnsupportedInputError("unsupported-pixels", bits=allocated)
    stored = _whole(dataset, "BitsStored", range(1, allocated + 1))
    high = _whole(dataset, "HighBit", range(stored - 1, allocated), absent=stored - 1)
    return PixelForm(
        rows=_whole(dataset, "Rows", range(1, 65536)),
        columns=_whole(dataset, "Columns", range(1, 65536)),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        shift_bits=high + 1 - stored,
        signed=bool(_whole(dataset, "PixelRepresentation", range(2), absent=0)),
        planar=bool(_whole(dataset, "PlanarConfiguration", range(2), absent=0)),
        photometric=photometric,
        frames=_whole(dataset, "NumberOfFrames", range(1, 2**31), absent=1),
        transfer_syntax=_transfer_syntax(dataset),
    )


def read_subject(dataset: Dataset) -> Subject:
    """The identifiers; none of them is worth refusing a picture for."""
    side = _text(dataset, "ImageLaterality") or _text(dataset, "Laterality")
    return Subject(
        modality=_text(dataset, "Modality") or "OT",
        laterality=Laterality(side) if side in set(Laterality) else None,
        says_laterality=bool(side),
        age_years=age.years(*(_text(dataset, keyword) for keyword in AGE_KEYWORDS)),
        identity=_identity(dataset),
        series_instance_uid=_text(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_text(dataset, "SOPInstanceUID"),
    )


def _identity(dataset: Dataset) -> Identity:
    return Identity(
        patient_id=_text(dataset, "PatientID"),
        issuer=_text(dataset, "IssuerOfPatientID"),
        birth_date=_text(dataset, "PatientBirthDate"),
        sex=_text(dataset, "PatientSex"),
        name=_text(dataset, "PatientName"),
        study_instance_uid=_text(dataset, "StudyInstanceUID"),
        study_date=_text(dataset, "StudyDate"),
    )


def reading_tag(what: str) -> AbstractContextManager[None]:
    """Run pydicom inside; what it raises becomes "broken-dicom" with the part of the file it was about."""
    return foreign_decoder("broken-dicom", why=what, also=(BytesLengthException, InvalidDicomError))


def read_number(dataset: Dataset, keyword: str) -> float | None:
    """The first finite number of a tag, None where there is none."""
    try:
        with reading_tag(keyword):
            value = dataset.get(keyword)
            number = float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
    except BrokenInputError:
        return None
    return number if math.isfinite(number) else None


def _refuse_without_pixels(dataset: Dataset, *, ended_early: bool) -> None:
    """Say why there are none: cut off, left out, or no picture in the first place."""
    kind = UID(_text(dataset, "SOPClassUID") or "").name
    modality = _text(dataset, "Modality")
    if ended_early:
        raise BrokenInputError("truncated")
    if "Rows" in dataset or "Image Storage" in kind:
        raise BrokenInputError("no-pixels")
    if modality and "Encapsulated" not in kind:
        raise UnsupportedInputError("wrong-modality", modality=modality)
    if kind:
        raise UnsupportedInputError("unsupported-file", format=f"DICOM {kind}")
    raise BrokenInputError("broken-dicom", why="data set")


def inflated(content: bytes, limits: Limits) -> bytes:
    """The same file with a deflated data set inflated, as far as the limit of bytes allows; pydicom has no limit."""
    meta_end = _meta_end(content)
    meta = content[:meta_end]
    if _DEFLATED not in meta:
        return content
    with reading_tag("deflated data set"):
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(content[meta_end:], limits.max_bytes + 1)
    limits.check_bytes(len(inflated))
    if not inflater.eof:
        raise BrokenInputError("truncated")
    return meta.replace(_DEFLATED, _EXPLICIT) + inflated


def _meta_end(content: bytes) -> int:
    """Where the elements of group 0002 end, whatever they say of their length."""
    at = 132 if content.startswith(b"DICM", 128) else 0
    for _ in range(_MOST_META_ELEMENTS):
        if not content.startswith(b"\x02\x00", at):
            return at
        kind, short, long = struct.unpack("<4x2sHI", content[at : at + 12].ljust(12, b"\0"))
        if kind in _LONG_KINDS:
            at += 12 + long
        elif kind.isupper():
            at += 8 + short
        else:
            at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    raise BrokenInputError("broken-dicom", why="too many elements")


def _transfer_syntax(dataset: Dataset) -> UID:
    """As the file says, else as the data set itself was found to be written."""
    with reading_tag("TransferSyntaxUID"):
        said = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
        if said:
            return UID(str(said))
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _whole(dataset: Dataset, keyword: str, allowed: range, *, absent: int | None = None) -> int:
    """A whole number within the range it can have."""
    with reading_tag(keyword):
        value = dataset.get(keyword)
        number = absent if value is None else int(value)
        if number is None or number not in allowed:
            raise ValueError(keyword)
    return number


def _text(dataset: Dataset, keyword: str) -> str | None:
    """A short text without control characters, None where it is absent, empty or unreadable."""
    try:
        with reading_tag(keyword):
            value = dataset.get(keyword)
            text = "" if value is None else str(value)
    except BrokenInputError:
        return None
    return "".join(c for c in text if c.isprintable()).strip()[:_LONGEST_ID] or None
