"""Streams over loopback: a video's packets sent when they are due, as an encoder sends them, by FFmpeg's own muxers."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, cast

import av
from av.container import OutputContainer
from av.video.stream import VideoStream


@dataclass(kw_only=True)
class Sender:
    """Sends a video again and again at its own speed until stopped; `sent_s` is when each frame went.

    content : whole, without frames drawn over later ones
    """

    content: bytes
    rate: int
    stopped: threading.Event = field(default_factory=threading.Event)
    sent_s: list[float] = field(default_factory=list)

    def into(self, container: OutputContainer) -> None:
        """Until it is stopped, or nobody listens any more."""
        stream: VideoStream | None = None
        began_s = time.monotonic()
        numbers = count()
        for _round in count():
            with av.open(io.BytesIO(self.content), "r") as source:
                stream = stream or container.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size and not self._sent(container, stream, packet, next(numbers), began_s):
                        return

    def _sent(
        self, container: OutputContainer, stream: VideoStream, packet: av.Packet[Any], number: int, began_s: float
    ) -> bool:
        if self.stopped.wait(max(0.0, began_s + number / self.rate - time.monotonic())):
            return False
        packet.pts = packet.dts = round(number / self.rate / cast("Any", packet.time_base))
        packet.stream = stream
        self.sent_s.append(time.monotonic())
        container.mux(packet)
        return True


@contextmanager
def udp(sender: Sender, port: int) -> Iterator[None]:
    """MPEG-TS over UDP to a port of this machine."""

    def run() -> None:
        address = f"udp://127.0.0.1:{port}?pkt_size=1316"
        with av.open(address, "w", format="mpegts", options={"flush_packets": "1"}) as container:
            sender.into(container)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        sender.stopped.set()
        thread.join()


@contextmanager
def http(content: bytes, rate: int, *, frames: int) -> Iterator[str]:
    """The address of a server that sends MPEG-TS as it comes and hangs up after so many frames of each connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            sender = Sender(content=content, rate=rate)
            sender.sent_s = cast("list[float]", _Until(sender, frames))
            try:
                with av.open(_Pipe(self.wfile), "w", format="mpegts", options={"flush_packets": "1"}) as container:
                    sender.into(container)
            except (av.FFmpegError, OSError):
                return

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/live.ts"
        finally:
            server.shutdown()
            thread.join()


class _Until(list[float]):
    """Stops its sender with the last frame."""

    def __init__(self, sender: Sender, most: int) -> None:
        super().__init__()
        self._sender, self._most = sender, most

    def append(self, sent_s: float) -> None:
        super().append(sent_s)
        if len(self) >= self._most:
            self._sender.stopped.set()


class _Pipe:
    """A socket's file as PyAV writes one: forward only."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        return int(self._file.write(content))
