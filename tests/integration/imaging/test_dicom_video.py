"""DICOM videos give the frames that they hold, with whose they are."""

from __future__ import annotations

import io

import pytest
from pydicom import uid

from aimis.domain.errors import CaseError
from aimis.imaging.dicom_video import DicomCine, open_dicom_video, read_header
from aimis.imaging.frame import Frame
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from tests.fakes import endoscopy
from tests.fakes.dicoms import dataset_of, file_of
from tests.fakes.videos import Kind, number_shown, numbered, stills_of, video

pytestmark = pytest.mark.integration

STREAMS = {
    "mpeg2 main level": (uid.MPEG2MPML, Kind(container="mpegts", codec="mpeg2video")),
    "mpeg2 high level, bare": (uid.MPEG2MPHL, Kind(container="mpeg2video", codec="mpeg2video")),
    "h264 in mp4": (uid.MPEG4HP41, Kind(muxing={"movflags": "faststart"})),
    "h264 bare": (uid.MPEG4HP41BD, Kind(container="h264")),
    "hevc": (uid.HEVCMP51, Kind(container="mpegts", codec="libx265")),
}


def frames_of(content: bytes) -> tuple[list[Frame], str | None]:
    with open_dicom_video(io.BytesIO(content), limits=DEFAULT_LIMITS) as opened:
        frames = list(opened.frames())
        return frames, None if opened.lost is None else opened.lost.code


def frames_of_cine(content: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[list[Frame], DicomCine]:
    cine = DicomCine(content, limits=limits, per_second=4.0)
    return [work() for work in cine.works()], cine


def numbers(frames: list[Frame]) -> list[int]:
    return [number_shown(still.rgb) for still in stills_of(frames)]


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize(("syntax", "kind"), STREAMS.values(), ids=STREAMS)
def test_frames_of_a_stream_are_those_filmed(syntax: uid.UID, kind: Kind, fragments: int) -> None:
    content = endoscopy.video_object(video(kind, 30), syntax, frames=30, fragments=fragments)

    frames, lost = frames_of(content)

    assert lost is None
    assert len(frames) == 5
    assert numbers(frames) == [frame.index for frame in frames]
    told = {(s.modality, s.identity.patient_id, s.series_instance_uid) for s in stills_of(frames)}
    assert told == {("ES", "P-17", "1.2.3.3")}


def test_stream_that_is_cut_off_is_read_to_its_end_and_named() -> None:
    stream = video(Kind(container="mpegts", codec="mpeg2video"), 100)
    content = endoscopy.video_object(stream, uid.MPEG2MPML, frames=100)

    frames, lost = frames_of(content[: len(content) // 2])

    assert lost == "video-cut-off"
    assert 4 <= len(frames) <= 12
    assert numbers(frames) == [frame.index for frame in frames]


def test_object_without_its_stream_is_refused() -> None:
    content = endoscopy.video_object(b"", uid.MPEG2MPML, frames=10)

    with pytest.raises(CaseError) as raised:
        frames_of(content[:-30])

    assert raised.value.reason.code in {"no-pixels", "broken-video"}


@pytest.mark.parametrize("jpeg", [False, True], ids=["native", "jpeg"])
def test_pictures_one_after_another_are_sampled_by_their_rate(jpeg: bool) -> None:
    frames, cine = frames_of_cine(endoscopy.cine(25, rate=12.5, jpeg=jpeg))

    assert cine.lost is None
    assert cine.seconds == pytest.approx(2.0)
    assert numbers(frames) == [frame.index for frame in frames] == list(range(0, 25, 3))
    assert [frame.seconds for frame in frames] == pytest.approx([frame.index / 12.5 for frame in frames])


def test_damaged_picture_among_others_is_named_alone() -> None:
    content = bytearray(endoscopy.cine(10, rate=4, jpeg=True))
    at = -1
    for _ in range(5):
        at = content.index(b"\xff\xd8\xff", at + 1)
    content[at + 300 : at + 700] = bytes(400)

    frames, _ = frames_of_cine(bytes(content))

    assert [frame.index for frame in frames if isinstance(frame.picture, CaseError)] == [4]
    assert len(frames) == 10


def test_pictures_cut_off_are_read_as_far_as_they_go() -> None:
    content = endoscopy.cine(10, rate=4, jpeg=True)

    frames, cine = frames_of_cine(content[: len(content) * 6 // 10])

    assert 3 <= len(stills_of(frames)) <= 6
    assert cine.lost is not None


def test_more_pictures_than_the_limit_are_refused_only_where_they_would_be_read() -> None:
    limits = Limits(max_frames=10)

    assert len(frames_of_cine(endoscopy.cine(30, rate=12), limits)[0]) == 10
    with pytest.raises(CaseError):
        frames_of_cine(endoscopy.cine(11, rate=4), limits)


def test_header_tells_a_video_from_a_still() -> None:
    still = read_header(endoscopy.still(1, number=7))
    cine = read_header(endoscopy.cine(3))
    stream = read_header(endoscopy.video_object(bytes(100), uid.HEVCMP51, frames=3))
    photograph = read_header(file_of(dataset_of(numbered(1))))

    assert still is not None
    assert (still.frames, still.number, still.is_endoscopic, still.is_stream) == (1, 7, True, False)
    assert cine is not None
    assert (cine.frames, cine.is_endoscopic) == (3, True)
    assert stream is not None
    assert stream.is_stream
    assert photograph is not None
    assert not photograph.is_endoscopic


def test_deflated_file_has_no_header_to_be_inflated_for() -> None:
    content = file_of(endoscopy.endoscopic(numbered(1)), transfer_syntax=uid.DeflatedExplicitVRLittleEndian)

    assert read_header(content) is None
