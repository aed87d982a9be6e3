"""The walk over a header finds what pydicom finds, and ends on any bytes."""

from __future__ import annotations

import io
from functools import cache

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset

from aimis.domain.errors import BrokenInputError, CaseError
from aimis.imaging import ct_instance, dicom_walk
from aimis.imaging.limits import DEFAULT_LIMITS
from tests.fakes import ct
from tests.fakes.dicoms import file_of

SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def nested(depth: int) -> Dataset:
    inner = Dataset()
    inner.CodeMeaning = "inner"
    if depth:
        inner.ContentSequence = [nested(depth - 1), nested(0)]
        inner["ContentSequence"].is_undefined_length = bool(depth % 2)
    return inner


@cache
def content(syntax: str = uid.ExplicitVRLittleEndian, character_set: str = "ISO_IR 192") -> bytes:
    volume = ct.scan(ct.Scanner(shape=(1, 12, 12), spacing_mm=(1.0, 9.0, 9.0)), vessels=0)
    dataset = ct.slice_dataset(volume, 0, 7, ct.Writing())
    dataset.SpecificCharacterSet, dataset.SeriesDescription = character_set, "胸部平扫"
    dataset.ReferencedImageSequence = [nested(4), nested(1)]
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.add_new(0x00090010, "LO", "SOMEONE")
    dataset.add_new(0x00091001, "UN", b"\1\2\3\4")
    return file_of(dataset, transfer_syntax=syntax)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_values_are_those_that_pydicom_finds(syntax: uid.UID) -> None:
    walked = dicom_walk.walk(content(syntax), DEFAULT_LIMITS)
    dataset = pydicom.dcmread(io.BytesIO(content(syntax)))
    found = ct_instance.read_instance(walked)
    assert walked.pixels_at is not None
    assert walked.content[walked.pixels_at :][: walked.pixels_length] == dataset.PixelData
    assert found.plane is not None
    assert found.stored is not None
    assert list(found.plane.position_mm) == pytest.approx(list(dataset.ImagePositionPatient))
    assert (found.stored.rows, found.stored.bits_stored, found.stored.intercept) == (12, 12, -1024)
    assert (found.number, found.date, found.age_years, found.sex) == (7, "2026-03-01", 61, "F")
    assert (found.sop_instance_uid, found.identity.patient_id) == (dataset.SOPInstanceUID, "P-17")


@pytest.mark.parametrize("character_set", ["ISO_IR 192", "GB18030", "GBK"])
def test_description_is_read_in_its_character_set(character_set: str) -> None:
    walked = dicom_walk.walk(content(character_set=character_set), DEFAULT_LIMITS)
    assert ct_instance.read_instance(walked).description == "胸部平扫"


def test_data_set_without_preamble_and_meta_group_is_walked() -> None:
    whole = content()
    bare = whole[whole.index(b"\x08\x00\x05\x00CS") :]
    assert ct_instance.read_instance(dicom_walk.walk(bare, DEFAULT_LIMITS)).modality == "CT"


def test_beginning_says_whether_pixels_were_reached() -> None:
    whole = dicom_walk.walk(content(), DEFAULT_LIMITS)
    assert whole.pixels_at is not None
    assert dicom_walk.walk(content()[: whole.pixels_at], DEFAULT_LIMITS).pixels_at == whole.pixels_at
    assert dicom_walk.walk(content()[: whole.pixels_at - 20], DEFAULT_LIMITS).pixels_at is None


@given(st.data(), st.sampled_from(SYNTAXES))
def test_any_damage_ends_in_a_header_or_a_reason(data: st.DataObject, syntax: str) -> None:
    damaged = bytearray(content(syntax))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        instance = ct_instance.read_instance(dicom_walk.walk(cut, DEFAULT_LIMITS))
    except CaseError:
        return
    assert (instance.plane is not None and instance.stored is not None) or instance.lacking


def test_sequences_without_end_are_refused() -> None:
    start = content()[: content().index(b"\x08\x00\x05\x00CS")]
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
    with pytest.raises(BrokenInputError, match="too deep"):
        dicom_walk.walk(start + sequence + (item + sequence) * 200, DEFAULT_LIMITS)
    with pytest.raises(BrokenInputError, match="too many"):
        dicom_walk.walk(start + b"\x08\x00\x05\x00CS\0\0" * 30_000, DEFAULT_LIMITS)
