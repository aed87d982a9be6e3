"""Videos: a few frames of every second, decoded without what they do not need.

Source: ISO/IEC 13818-2, 14496-10 and 23008-2 for what a key frame and a reference frame are; the decoders are
FFmpeg's, through PyAV.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
import av.error
from av.stream import Disposition

from aimis.domain.errors import BrokenInputError, CaseError, UnsupportedInputError
from aimis.domain.reading import Reason
from aimis.imaging import video_boxes
from aimis.imaging.frame import Frame
from aimis.imaging.limits import DEFAULT_LIMITS, Limits
from aimis.imaging.video_losses import Losses
from aimis.imaging.video_packets import spare_packets
from aimis.imaging.video_picture import BYTES_PER_PIXEL, Pictures
from aimis.imaging.video_times import Timeline

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    Packet = av.Packet[VideoStream]

_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,asf,flv,ogg,dv,mxf"
"""Those that hold a video by themselves: a playlist would lead to other files, and to the network."""
_OPTIONS = {"hevc": {"err_detect": "explode"}}
"""FFmpeg's HEVC decoder hides damage without a mark unless it is told to stop at it; that of H.264 marks it, and
told to stop finds no way back in (measured)."""
_MOST_THREADS = 4
_BUFFER_BYTES = 2**18
_ROUNDING = 0.001
_MOST_WAITING = 1000
_MOST_FAILURES = 1000

av.logging.set_level(None)  # what is wrong with a file comes back as an exception


class Video:
    """A video being read: its frames come once, to one thread; `lost` is known after the last.

    seconds : its length as the file says it; None where it does not
    is_joined : other videos stand behind it in the file, which are not read
    size_px : columns, rows, with square pixels and upright as the file's first frame will be
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        limits: Limits,
        *,
        per_second: float,
        least_s: float | None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._decoder = stream.codec_context
        self._pictures = Pictures(stream.sample_aspect_ratio, limits)
        self._is_spare = spare_packets(stream.codec_context)
        self._times = Timeline(stream)
        self._losses = Losses()
        self._period_s = 1 / per_second
        self.is_joined = False
        said_s = _length(container, stream)
        self.seconds = said_s if least_s is None else max(least_s, said_s or 0.0)
        self.size_px = self._pictures.full_size_px(stream.codec_context.width, stream.codec_context.height)

    @property
    def lost(self) -> Reason | None:
        """Which parts could not be read; a frame that came with an error lies within them."""
        return self._losses.reason(self.seconds) or (Reason.of("video-joined") if self.is_joined else None)

    def frames(self) -> Iterator[Frame]:
        """A frame for each period, the first one shown in it; one that is damaged carries its error."""
        due_s = 0.0
        for decoded in self._decoded():
            number, seconds = self._times.position(decoded)
            sound = self._losses.is_sound(seconds, key=decoded.key_frame, corrupt=decoded.is_corrupt)
            if seconds >= due_s:
                due_s = self._next_due(seconds)
                yield self._frame(decoded, number, seconds, sound=sound)

    def _frame(self, decoded: av.VideoFrame, number: int, seconds: float, *, sound: bool) -> Frame:
        try:
            if not sound:
                raise BrokenInputError("frame-damaged")
            return Frame(index=number, picture=self._pictures.still(decoded, number), seconds=seconds)
        except CaseError as error:
            return Frame(index=number, picture=error, seconds=seconds)

    def _next_due(self, seconds: float) -> float:
        """The beginning of the period after the one that a time lies in."""
        return (math.floor(seconds / self._period_s + _ROUNDING) + 1 - _ROUNDING) * self._period_s

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """What the decoder makes of the packets worth decoding, in the order of showing."""
        for packet in self._worth_decoding():
            if packet is not None and self._times.is_timed and self._is_spare(packet):
                continue
            try:
                yield from self._decoder.decode(packet)
            except av.FFmpegError:
                self._losses.damaged()

    def _worth_decoding(self) -> Iterator[Packet | None]:
        """The packets without those that no frame due is drawn over: before a key frame nothing is, that follows it.

        A packet waits until a frame is due, then goes with all that wait; a key frame sends those home.
        """
        waiting: list[Packet] = []
        due_s, opens_at = 0.0, -1
        for packet, at in self._placed():
            if packet.is_keyframe and self._times.is_timed:
                opens_at = at if waiting else -1  # frames shown before it may be drawn over those sent home
                waiting.clear()
            elif at < opens_at:
                continue
            waiting.append(packet)
            seconds = self._times.seconds(at)
            if seconds >= due_s or len(waiting) > _MOST_WAITING or not self._times.is_timed:
                yield from waiting
                waiting.clear()
                due_s = self._next_due(seconds)
        yield None

    def _placed(self) -> Iterator[tuple[Packet, int]]:
        """The packets with when their frames are shown; where some are missing or damaged, that is noted."""
        lasts: int | None = None
        for packet, following in _with_following(self._packets()):
            at = self._times.place(packet, following)
            seconds = self._times.seconds(at)
            if self._times.is_gap(lasts) or packet.is_corrupt:
                self._losses.broken_at(seconds)
            self._losses.passed(seconds)
            lasts = packet.duration
            yield packet, at

    def _packets(self) -> Iterator[Packet]:
        """The stream's packets up to the end, or until nothing more can be had."""
        for _ in range(_MOST_FAILURES):
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:
                        self._choose_speed(packet)
                        yield packet
            except (av.FFmpegError, OSError, LookupError):  # PyAV: a stream that only damage makes out is in no list
                self._losses.broken_at(self._losses.reached_s)
            else:
                return

    def _choose_speed(self, packet: Packet) -> None:
        """Frames that no other is drawn over are left out, unless the frames must be counted to know their time."""
        self._decoder.skip_frame = "DEFAULT" if packet.pts is None and packet.dts is None else "NONREF"


def _with_following(packets: Iterator[Packet]) -> Iterator[tuple[Packet, Packet | None]]:
    """Each with the one after it, None after the last."""
    last: Packet | None = None
    for packet in packets:
        if last is not None:
            yield last, packet
        last = packet
    if last is not None:
        yield last, None


@contextmanager
def open_video(
    source: Path | BinaryIO,
    *,
    limits: Limits = DEFAULT_LIMITS,
    per_second: float = 4.0,
    least_s: float | None = None,
) -> Iterator[Video]:
    """A video file, or an open one that can be sought in; whatever its length, little of it is held.

    least_s : its length in seconds as something outside says it, of a video known to be cut off

    Raises `BrokenInputError` "truncated" where its index was cut off, "broken-video" where it is none, and
    `UnsupportedInputError` "no-video", "unsupported-video" or "too-large".
    """
    with ExitStack() as opened:
        stream = opened.enter_context(source.open("rb")) if isinstance(source, Path) else source
        if video_boxes.is_index_cut_off(stream):
            raise BrokenInputError("truncated")
        joined = video_boxes.is_joined(stream)
        stream.seek(0)
        container = opened.enter_context(_container(stream, limits))
        pictures = _pictures_of(container)
        limits.check_size(pictures.codec_context.width, pictures.codec_context.height, bytes_per_pixel=BYTES_PER_PIXEL)
        video = Video(container, pictures, limits, per_second=per_second, least_s=least_s)
        video.is_joined = joined
        yield video


def _container(stream: BinaryIO, limits: Limits) -> InputContainer:
    most = min(limits.max_pixels, limits.max_decoded_bytes // BYTES_PER_PIXEL)
    options = {"format_whitelist": _CONTAINERS, "max_pixels": str(most)}
    try:
        return av.open(stream, "r", options=options, buffer_size=_BUFFER_BYTES, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BrokenInputError("broken-video") from error


def _pictures_of(container: InputContainer) -> VideoStream:
    """The largest of the video streams; the picture on a sound track's cover is none."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise UnsupportedInputError("no-video")
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise UnsupportedInputError("unsupported-video")
    largest = max(readable, key=lambda s: s.codec_context.width * s.codec_context.height)
    decoder = largest.codec_context
    decoder.thread_type = "AUTO"
    decoder.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
    decoder.options = _OPTIONS.get(decoder.name, {})
    return largest


def _length(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds, as the stream itself says, else as the file does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    said = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, said)
    except ValueError:
        return container.duration / av.time_base if container.duration else None
    return 3600 * hours + 60 * minutes + seconds
