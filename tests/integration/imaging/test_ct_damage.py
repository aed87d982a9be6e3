"""One damaged slice of a CT series limits it, many refuse it with the reason; never a silent half of one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.ingest.volumes import Volumes
from tests.fakes.ct_series import SLICES, changed, codes, encoded, files, item_of, read, small, written

pytestmark = pytest.mark.integration


def cut_off(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def not_in_the_patient(dataset: Dataset) -> None:
    del dataset.ImagePositionPatient


def test_truncated_slice_is_filled_in_and_said() -> None:
    contents = list(files())
    contents[12] = cut_off(contents[12])
    volume = read(contents)
    assert [reason.values for reason in volume.limited] == [(("count", "1"),)]
    assert codes(volume) == ["slices-broken-few"]
    assert len(volume.hu) == SLICES
    np.testing.assert_array_equal(np.delete(volume.hu, 12, 0), np.delete(small().hu, 12, 0))


def test_slice_that_does_not_say_its_place_counts_as_damaged() -> None:
    volume = read(changed(12, not_in_the_patient))
    assert codes(volume) == ["slices-broken-few"]
    assert volume.series.others == ()


def test_missing_and_damaged_slices_are_counted_apart() -> None:
    contents = list(files())
    contents[12] = cut_off(contents[12])
    volume = read([*contents[:30], *contents[31:]])
    assert [(reason.code, dict(reason.values)["count"]) for reason in volume.limited] == [
        ("slices-broken-few", "1"),
        ("slices-missing-few", "1"),
    ]
    assert len(volume.hu) == SLICES


def test_many_truncated_slices_refuse_the_series() -> None:
    contents = [cut_off(content) if at in {3, 9} else content for at, content in enumerate(files())]
    with pytest.raises(BrokenInputError, match=r"slices-broken.*'count': 2"):
        read(contents)


def test_pixel_data_shorter_than_the_header_says_are_truncated() -> None:
    def grow(dataset: Dataset, _at: int) -> None:
        dataset.Rows = dataset.Rows + 8

    with pytest.raises(BrokenInputError, match="truncated"):
        read(written(grow))


def test_frames_of_jpeg_ls_without_their_end_are_truncated() -> None:
    with pytest.raises(BrokenInputError, match="truncated"):
        read([cut_off(content) for content in encoded(uid.JPEGLSLossless)])


def test_private_transfer_syntax_is_refused_by_its_name() -> None:
    contents = [content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0", 1) for content in files()]
    with pytest.raises(UnsupportedInputError, match="unsupported-transfer-syntax"):
        read(contents)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "Rows"])
def test_missing_geometry_is_named(keyword: str) -> None:
    def forget(dataset: Dataset, _at: int) -> None:
        delattr(dataset, keyword)

    with pytest.raises(BrokenInputError, match=f"broken-dicom.*{keyword}"):
        read(written(forget))


def damaged(data: st.DataObject, contents: list[bytes]) -> list[bytes]:
    """Files as a bad disk and a careless copy leave them."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(contents) - 1))
        content = bytearray(contents[at])
        match data.draw(st.sampled_from(["header", "pixels", "cut", "twice", "lost", "empty"])):
            case "header":
                content[data.draw(st.integers(132, min(900, len(content) - 1)))] = data.draw(st.integers(0, 255))
            case "pixels":
                content[data.draw(st.integers(len(content) // 2, len(content) - 1))] ^= 0xFF
            case "cut":
                content = content[: data.draw(st.integers(200, len(content)))]
            case "twice":
                contents.append(bytes(content))
            case "lost":
                content = bytearray(contents.pop())
        contents[min(at, len(contents) - 1)] = bytes(content)
    return contents


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEGLSLossless], ids=lambda uid: uid.name
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_leaves_a_volume_or_a_reason(syntax: uid.UID, data: st.DataObject) -> None:
    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(damaged(data, list(encoded(syntax)))):
        volumes.take(item_of(number, content), "scan")
    for item in volumes.items():
        try:
            volume = item.load()
        except CaseError:
            continue
        assert volume.hu.shape == volume.series.shape_zyx
        assert len(volume.sop_instance_uids) == len(volume.instance_numbers) == len(volume.hu) >= 40
        assert volume.hu.min() >= -1024
        assert np.isfinite(volume.to_lps([0, 0, 0])).all()
        assert all(mm > 0 for mm in volume.spacing_mm)
