"""Videos: the frames are those that were filmed, at their times, and what is lost is named."""

from __future__ import annotations

import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import CaseError
from aimis.imaging.limits import Limits
from aimis.imaging.still import Still
from aimis.imaging.video import open_video
from tests.fakes.videos import MP4, Kind, Rgb, frames_of, number_shown, numbered, sound, stills_of, video

pytestmark = pytest.mark.integration

KINDS = {
    "mp4 h264": MP4,
    "mp4 h264 with B frames": Kind(options={"preset": "veryfast", "bf": "3", "g": "20"}),
    "mkv h264 of open groups": Kind(
        container="matroska", options={"preset": "veryfast", "bf": "3", "g": "5", "x264-params": "open-gop=1"}
    ),
    "transport stream mpeg2": Kind(container="mpegts", codec="mpeg2video", options={"bf": "2", "g": "12"}),
    "program stream mpeg2": Kind(container="mpeg", codec="mpeg2video"),
    "avi of jpegs": Kind(container="avi", codec="mjpeg", pixels="yuvj420p"),
    "bare h264": Kind(container="h264"),
    "mov mpeg4": Kind(container="mov", codec="mpeg4"),
}
GROUPS_OF_20 = Kind(container="matroska", options={"g": "20"})


def zeroed(content: bytes, begin: float, end: float) -> bytes:
    first, last = int(len(content) * begin), int(len(content) * end)
    return content[:first] + bytes(last - first) + content[last:]


def refusal(content: bytes, limits: Limits | None = None) -> tuple[str, str]:
    with pytest.raises(CaseError) as raised, open_video(io.BytesIO(content), limits=limits or Limits()):
        pass
    return raised.value.status.value, raised.value.reason.code


def codes_of(content: bytes) -> set[str]:
    frames, _ = frames_of(content)
    return {f.picture.reason.code for f in frames if isinstance(f.picture, CaseError)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_frame_is_the_one_filmed_at_its_time(kind: Kind) -> None:
    frames, lost = frames_of(video(kind, 60))

    assert lost is None
    assert [number_shown(still.rgb) for still in stills_of(frames)] == [frame.index for frame in frames]
    assert [frame.seconds for frame in frames] == pytest.approx([frame.index / 25 for frame in frames], abs=0.001)
    assert len(frames) == 10


@pytest.mark.parametrize("per_second", [1.0, 5.0, 25.0, 100.0])
def test_frames_a_second_are_as_asked_for_but_never_more_than_filmed(per_second: float) -> None:
    frames, _ = frames_of(video(Kind(codec="mpeg4", container="avi"), 50), per_second=per_second)

    assert len(frames) == min(2 * per_second, 50)


def test_video_tells_length_and_size() -> None:
    with open_video(io.BytesIO(video(MP4, 50))) as opened:
        assert opened.seconds == pytest.approx(2.0)
        assert opened.size_px == (160, 96)


def test_frames_shown_at_changing_intervals_keep_their_times() -> None:
    times = [number if number < 20 else 3 * number - 40 for number in range(40)]

    frames, lost = frames_of(video(MP4, times=times))

    assert lost is None
    assert [frame.seconds for frame in frames] == pytest.approx([times[frame.index] / 25 for frame in frames])
    assert [number_shown(still.rgb) for still in stills_of(frames)] == [frame.index for frame in frames]


def test_large_frame_is_made_smaller_and_knows_its_size() -> None:
    frames, _ = frames_of(video(Kind(size_px=(1280, 720)), 2))
    (still,) = stills_of(frames)

    assert still.rgb.shape == (540, 960, 3)
    assert still.full_size_px == (1280, 720)
    assert not still.rgb.flags.writeable


@pytest.mark.parametrize(
    ("size_px", "expected"), [((1280, 720), (853, 480)), ((1280, 960), (640, 480)), ((1920, 1080), (960, 540))]
)
def test_frame_is_scaled_to_a_whole_part_where_enough_is_left(
    size_px: tuple[int, int], expected: tuple[int, int]
) -> None:
    frames, _ = frames_of(video(Kind(size_px=size_px), 1), limits=Limits(enough_px=480))
    (still,) = stills_of(frames)

    assert (still.rgb.shape[1::-1], still.full_size_px) == (expected, size_px)


@pytest.mark.parametrize("turned", [90, 180, -90])
def test_video_is_turned_as_a_player_does(turned: int) -> None:
    frames, _ = frames_of(video(MP4, 2, turned=turned))
    (still,) = stills_of(frames)

    back = np.rot90(still.rgb, -turned // 90)
    assert still.full_size_px == still.rgb.shape[1::-1]
    assert np.abs(back.astype(int) - numbered(0).astype(int)).mean() < 5


def test_pixels_that_are_not_square_are_made_so() -> None:
    frames, _ = frames_of(video(MP4, 10, aspect=Fraction(4, 3)))

    assert {(still.full_size_px, still.rgb.shape) for still in stills_of(frames)} == {((213, 96), (96, 213, 3))}
    assert [number_shown(still.rgb) for still in stills_of(frames)] == [frame.index for frame in frames]


def test_interlaced_video_shows_one_field() -> None:
    def two_fields(number: int, columns: int, rows: int) -> Rgb:
        picture = np.full((rows, columns, 3), 40, np.uint8)
        picture[::2] = 200
        return picture

    kind = Kind(container="mpegts", codec="mpeg2video", options={"flags": "+ildct+ilme", "b": "4M"})

    frames, _ = frames_of(video(kind, 10, draw=two_fields))

    for still in stills_of(frames):
        assert still.rgb.shape == (96, 160, 3)
        assert np.abs(still.rgb.astype(int) - 200).max() < 12


@pytest.mark.parametrize(("size_px", "matrix"), [((160, 96), None), ((1280, 720), "ITU709")])
def test_colours_are_as_filmed_where_the_file_does_not_name_its_matrix(size_px: tuple[int, int], matrix: str) -> None:
    frames, _ = frames_of(video(Kind(size_px=size_px, matrix=matrix), 2))
    (still,) = stills_of(frames)

    floor = still.rgb[int(0.8 * still.rgb.shape[0]), still.rgb.shape[1] // 2].astype(int)
    assert np.abs(floor - (180, 90, 60)).max() <= 6


def test_cut_off_video_is_read_to_where_it_ends() -> None:
    content = video(GROUPS_OF_20, 100)

    frames, lost = frames_of(content[: len(content) // 2])

    assert lost is not None
    assert lost[0] == "video-cut-off"
    assert lost[1].endswith("-4.0 s")
    assert [number_shown(still.rgb) for still in stills_of(frames)] == [frame.index for frame in frames]
    assert 4 <= len(frames) <= 12


def test_damage_in_the_middle_is_named_and_never_shown() -> None:
    frames, lost = frames_of(zeroed(video(GROUPS_OF_20, 100), 0.4, 0.5))

    assert lost is not None
    assert lost[0] == "video-damaged"
    for frame in frames:
        if isinstance(frame.picture, Still):
            filmed = numbered(round((frame.seconds or 0) * 25))
            assert np.abs(frame.picture.rgb.astype(int) - filmed).mean() < 5
    assert isinstance(frames[-1].picture, Still)


def test_video_without_key_frame_is_named_and_none_of_it_is_shown() -> None:
    content = video(Kind(container="matroska"), 30, keep=lambda packet: not packet.is_keyframe)

    frames, lost = frames_of(content)

    assert stills_of(frames) == []
    assert lost == ("video-without-key-frame", "")


def test_size_that_changes_in_mid_stream_is_followed() -> None:
    small, large = (Kind(container="mpegts", codec="mpeg2video", size_px=size) for size in ((160, 96), (320, 192)))

    frames, _ = frames_of(video(small, 25) + video(large, 25))

    assert {still.full_size_px for still in stills_of(frames)} == {(160, 96), (320, 192)}
    assert all(b.seconds > a.seconds for a, b in itertools.pairwise(frames) if a.seconds and b.seconds)


def test_recordings_joined_on_follow_one_another_in_time() -> None:
    part = video(Kind(container="mpegts", codec="mpeg2video"), 25)

    frames, _ = frames_of(part * 3)

    assert len(frames) == pytest.approx(12, abs=1)
    assert frames[-1].seconds == pytest.approx(3.0, abs=0.3)


def test_second_file_joined_on_to_an_mp4_is_not_passed_over_in_silence() -> None:
    part = video(MP4, 10)

    frames, lost = frames_of(part + part)

    assert (len(frames), lost) == (2, ("video-joined", ""))


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_mp4_whose_index_is_cut_off_is_truncated(share: float) -> None:
    content = video(MP4, 10)

    assert refusal(content[: int(len(content) * share)]) == ("failed", "truncated")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ("failed", "broken-video")),
        (b"no video at all " * 100, ("failed", "broken-video")),
        (sound(), ("unsupported", "no-video")),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n", ("failed", "broken-video")),
    ],
    ids=["empty", "text", "sound alone", "playlist"],
)
def test_what_is_no_video_is_refused(content: bytes, expected: tuple[str, str]) -> None:
    assert refusal(content) == expected


def test_video_of_no_frames_is_lost_as_a_whole(tmp_path: Path) -> None:
    with av.open(tmp_path / "empty.avi", "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        container.start_encoding()

    assert frames_of(tmp_path / "empty.avi") == ([], ("no-pixels", ""))


def test_video_larger_than_the_limits_is_refused() -> None:
    assert refusal(video(MP4, 2), Limits(max_pixels=10_000)) == ("unsupported", "too-large")


def test_file_of_five_gigabytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    path.write_bytes(video(Kind(muxing={"movflags": "faststart"}), 50))
    with path.open("ab") as file:
        file.write((1).to_bytes(4) + b"free" + (5 * 10**9).to_bytes(8))
        file.truncate(file.tell() + 5 * 10**9 - 16)

    frames, lost = frames_of(path)

    assert (len(frames), lost) == (8, None)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_damaged_file_gives_frames_or_a_reason_and_not_a_word(data: st.DataObject) -> None:
    content = bytearray(DAMAGED_SEED)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        frames, lost = frames_of(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except CaseError:
        return
    assert frames or lost
    assert all(frame.seconds is not None and frame.seconds >= 0 for frame in frames)


DAMAGED_SEED = video(Kind(container="mpegts", size_px=(32, 32), options={"g": "5"}), 12)


def test_nothing_is_written_of_a_damaged_file(capfd: pytest.CaptureFixture[str]) -> None:
    frames_of(zeroed(video(Kind(container="mpegts", codec="mpeg2video"), 30), 0.3, 0.6))

    assert capfd.readouterr() == ("", "")


def test_damaged_frame_says_so() -> None:
    assert codes_of(zeroed(video(Kind(container="avi", codec="mpeg4", options={"g": "25"}), 60), 0.3, 0.4)) <= {
        "frame-damaged"
    }
