"""Where a stream comes from: a device, a recording played at its own speed, or an address.

Source: FFmpeg's protocols and devices, through PyAV; V4L2 is the kernel's interface of capture cards and cameras.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av
import av.error
from av.stream import Disposition

from aimis.domain.errors import AimisError, BrokenInputError, UnsupportedInputError, UsageError
from aimis.domain.reading import Reason
from aimis.imaging import formats

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SCHEMES = ("rtsp", "rtsps", "udp", "rtp", "tcp", "rtmp", "rtmps", "http", "https")
ANSWERS_WITHIN_S, SILENT_FOR_S = 10.0, 3.0
"""How long an address may take to answer, and a stream to bring its next frame, before it counts as broken."""

_CONTAINERS = (
    "rtsp,sdp,rtp,mpegts,mpjpeg,flv,matroska,webm,mov,mp4,avi,mpeg,mpegvideo,h264,hevc,m4v,asf,ogg,dv,mxf,video4linux2"
)
"""Those that hold a video by themselves: a playlist would lead elsewhere."""
_SOON = {"fflags": "nobuffer", "analyzeduration": "2000000"}
_BY_SCHEME: Mapping[str, Mapping[str, str]] = {
    "rtsp": {"rtsp_transport": "tcp"},
    "rtsps": {"rtsp_transport": "tcp"},
    "udp": {"overrun_nonfatal": "1", "buffer_size": "4194304"},
}
_OF_DEVICES: tuple[Mapping[str, str], ...] = ({"input_format": "mjpeg", "video_size": "1920x1080"}, {})
"""Tried in turn: full HD comes through most cards as Motion JPEG alone; what a device offers else is its own."""
_BEGINNING_BYTES = 4096
_OF_NO_VIDEO = frozenset({"live-no-video", "live-cannot-open"})
"""What FFmpeg's word comes to for a file of another kind, whether or not it knows that kind."""
_NO_SUCH_IOCTL = 25
_BUSY = 16

av.logging.set_level(None)  # what is wrong with a stream comes back as an exception


class StreamError(AimisError):
    """The stream cannot be opened, or broke off; `reason` says why, for a person."""

    def __init__(self, code: str, /, **values: str) -> None:
        super().__init__(code)
        self.reason = Reason.of(code, **values)


class SourceKind(StrEnum):
    """What a source is: a file ends, a device and an address break off and come again."""

    DEVICE = "device"
    FILE = "file"
    ADDRESS = "address"


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A stream that answered.

    is_recording : it has an end and is played at its own speed; else its frames come when they are filmed
    """

    container: InputContainer
    stream: VideoStream
    is_recording: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """What was named on the command line."""

    location: str
    kind: SourceKind

    @classmethod
    def of(cls, location: str) -> Source:
        """UsageError: an address of a kind that is not known, or a folder. StreamError: nothing is there."""
        scheme, found, _ = location.partition("://")
        if found:
            if scheme.lower() not in SCHEMES:
                raise UsageError(f"{scheme}:// is no stream that is read here; these are: {', '.join(SCHEMES)}")
            return cls(location=location, kind=SourceKind.ADDRESS)
        path = Path(location)
        if path.is_dir():
            raise UsageError(f"{location} is a folder; name a device such as /dev/video0, an address, or a video file")
        if path.is_char_device() or location.startswith("/dev/"):
            return cls(location=location, kind=SourceKind.DEVICE)
        if not path.exists():
            raise StreamError("live-no-file", source=location)
        return cls(location=location, kind=SourceKind.FILE)

    @property
    def name(self) -> str:
        """For people and logs: an address without user, password and query."""
        if self.kind is not SourceKind.ADDRESS:
            return self.location
        parts = urlsplit(self.location)
        return f"{parts.scheme}://{re.sub('^.*@', '', parts.netloc)}{parts.path}"

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """The stream, its decoder set to answer at once. StreamError where it does not come."""
        container = self._container()
        try:
            yield self._opened(container)
        finally:
            container.close()

    def _container(self) -> InputContainer:
        attempts = _OF_DEVICES if self.kind is SourceKind.DEVICE else ({},)
        for options in attempts[:-1]:
            try:
                return self._connect(options)
            except (av.FFmpegError, OSError, ValueError):
                continue
        began_s = time.monotonic()
        try:
            return self._connect(attempts[-1])
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._said(error, after_s=time.monotonic() - began_s) from error

    def _connect(self, options: Mapping[str, str]) -> InputContainer:
        if self.kind is SourceKind.DEVICE:
            return av.open(self.location, "r", format="v4l2", options=dict(options))
        if self.kind is SourceKind.FILE:
            return av.open(self.location, "r", options={"format_whitelist": _CONTAINERS}, metadata_errors="replace")
        scheme = urlsplit(self.location).scheme.lower()
        asked = {"format_whitelist": _CONTAINERS, **_SOON, **_BY_SCHEME.get(scheme, {})}
        times = (ANSWERS_WITHIN_S, SILENT_FOR_S)
        return av.open(self.location, "r", options=asked, timeout=times, metadata_errors="replace")

    def _opened(self, container: InputContainer) -> Opened:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        readable = [s for s in streams if s.codec_context is not None]
        if not readable:
            raise StreamError("live-no-video", source=self.name)
        stream = max(readable, key=lambda s: s.codec_context.width * s.codec_context.height)
        stream.thread_type = "SLICE"  # frames decoded side by side would each come later by one
        stream.codec_context.flags |= int(av.codec.context.Flags.low_delay)
        ends = self.kind is SourceKind.FILE or (self.kind is SourceKind.ADDRESS and bool(container.duration))
        return Opened(container=container, stream=stream, is_recording=ends)

    def _said(self, error: Exception, *, after_s: float) -> StreamError:
        """What went wrong, as a code that the texts know."""
        number = getattr(error, "errno", None)
        code = next((code for kinds, code in _ERRORS if isinstance(error, kinds)), "live-cannot-open")
        if self.kind is SourceKind.ADDRESS and after_s >= ANSWERS_WITHIN_S:
            code = "live-no-answer"  # what FFmpeg says of a protocol cut short may be anything
        if self.kind is SourceKind.DEVICE:
            code = {"live-no-file": "live-no-device", "live-no-video": "live-no-camera"}.get(code, code)
            code = {_BUSY: "live-busy", _NO_SUCH_IOCTL: "live-no-camera"}.get(number or 0, code)
        if self.kind is SourceKind.FILE and code in _OF_NO_VIDEO and (other := _other_format(Path(self.location))):
            return StreamError("live-other-file", source=self.name, format=other)
        return StreamError(code, source=self.name, why=str(getattr(error, "strerror", None) or error))


def _other_format(path: Path) -> str | None:
    """The name of a file's format where it is a known one and no video's."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
    try:
        return None if formats.looks_like_video(beginning) else formats.recognise(beginning)
    except UnsupportedInputError as unread:
        return dict(unread.reason.values)["format"]
    except BrokenInputError:
        return None


_ERRORS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((FileNotFoundError, av.error.HTTPNotFoundError), "live-no-file"),
    ((PermissionError, av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), "live-no-permission"),
    ((ConnectionRefusedError,), "live-refused"),
    ((av.error.ExitError, TimeoutError), "live-no-answer"),
    ((av.error.InvalidDataError,), "live-no-video"),
)
