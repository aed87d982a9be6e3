"""A live session as a process of its own, over loopback, watched as the page watches it.

Each frame carries its number in the black beside the endoscope's picture, so that the delay is measured from the moment
an encoder would have sent it to the moment the picture is in a viewer's hands, by one clock.
"""

from __future__ import annotations

import io
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median

import av
import httpx
import numpy as np
import numpy.typing as npt
import psutil
import simplejpeg

from tests.benchmarks import endoscopy, measure
from tests.benchmarks.rows import Row
from tests.fakes.streams import Sender, udp

FRAMES = 100
"""Sent again and again; a delay of more than their four seconds would be taken for a shorter one."""
_BITS, _TOP, _HIGH, _LEFT, _WIDE = 7, 120, 120, 60, 300
_WARM_UP_S = 5.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+/")


@dataclass(kw_only=True)
class Watched:
    """What a viewer saw.

    delays_s : of each picture, with when it came; memory_bytes : of the program, once a second
    own_ms, judged : what the page says of its delay, and frames judged in all, once a second
    """

    seconds: float
    delays_s: list[tuple[float, float]] = field(default_factory=list)
    memory_bytes: list[int] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)
    judged: list[int] = field(default_factory=list)
    processor_s: float = 0.0

    def part(self, share: float, length: float = 0.2) -> list[float]:
        """The delays of a part of the time, from a share of it on."""
        began_s, ended_s = self.delays_s[0][0], self.delays_s[-1][0]
        low = began_s + share * (ended_s - began_s)
        return [late_s for at_s, late_s in self.delays_s if low <= at_s <= low + length * (ended_s - began_s)]


def rows(reader: str, seconds: int) -> list[Row]:
    """The issue's row, part by part."""
    watched = watch(reader, seconds)
    what = f"live 1080p25, {seconds} s:"
    fifth = max(1, len(watched.memory_bytes) // 5)
    early, late = watched.memory_bytes[:fifth], watched.memory_bytes[-fifth:]
    shown = len(watched.delays_s) / watched.seconds
    judged = (watched.judged[-1] - watched.judged[0]) / watched.seconds
    grown = median(watched.part(0.8)) / median(watched.part(0.0))
    delays_ms = tuple(1e3 * late_s for _, late_s in watched.delays_s)
    return [
        Row(what=f"{what} shown, of 25 sent", unit="a second", limit=24.5, values=(shown,), at_most=False),
        Row(what=f"{what} judged", unit="a second", limit=10, values=(judged,), at_most=False),
        Row(what=f"{what} delay, from the encoder to the viewer", unit="ms", limit=150, values=delays_ms),
        Row(what=f"{what} delay, as the page says", unit="ms", limit=150, values=tuple(watched.own_ms)),
        Row(what=f"{what} delay, last fifth to first", unit="x", limit=1.5, values=(grown,)),
        Row(what=f"{what} memory, last fifth to first", unit="x", limit=1.1, values=(max(late) / max(early),)),
        Row(what=f"{what} memory", unit="MB", limit=700, values=(max(watched.memory_bytes) / 1e6,)),
        Row(what=f"{what} processors taken", unit="of 2", limit=2, values=(watched.processor_s / watched.seconds,)),
    ]


def watch(reader: str, seconds: float) -> Watched:
    """Show it for so long, after a while that does not count."""
    sender = Sender(content=numbered_video(), rate=endoscopy.RATE)
    port = _free_port()
    with udp(sender, port), _program(f"udp://127.0.0.1:{port}", reader) as (process, url), httpx.Client() as client:
        watching = _Watching(sender=sender, url=url, client=client, program=psutil.Process(process.pid))
        watching.until(time.monotonic() + _WARM_UP_S)
        watching.watched = Watched(seconds=seconds)
        began_s = watching.processor_s()
        watching.until(time.monotonic() + seconds)
        watching.watched.processor_s = watching.processor_s() - began_s
        client.post(f"{url}end")
        process.wait(60)
    return watching.watched


@dataclass(kw_only=True)
class _Watching:
    sender: Sender
    url: str
    client: httpx.Client
    program: psutil.Process
    watched: Watched = field(default_factory=lambda: Watched(seconds=0))
    number: int = 0
    next_look_s: float = 0.0

    def until(self, end_s: float) -> None:
        """Ask for one picture after the other, and once a second for the state."""
        while (now_s := time.monotonic()) < end_s:
            self._picture()
            if now_s >= self.next_look_s:
                self.next_look_s = now_s + 1
                self._look()

    def processor_s(self) -> float:
        """Of the program, in all."""
        used = self.program.cpu_times()
        return float(used.user + used.system)

    def _picture(self) -> None:
        answer = self.client.get(f"{self.url}picture", params={"after": self.number})
        now_s = time.monotonic()
        if answer.status_code == 200:
            self.number = int(answer.headers["X-Frame"])
            newest = len(self.sender.sent_s) - 1
            sent = newest - (newest - number_shown(answer.content)) % FRAMES
            self.watched.delays_s.append((now_s, now_s - self.sender.sent_s[sent]))

    def _look(self) -> None:
        said = self.client.get(f"{self.url}state").json()
        self.watched.memory_bytes.append(self.program.memory_info().rss)
        self.watched.judged.append(said["judged"])
        if said["delay_ms"] is not None:
            self.watched.own_ms.append(said["delay_ms"])


@contextmanager
def _program(source: str, reader: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*measure.PROGRAM, "live", source, "--reader", reader, "--language", "en"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stderr.readline, "") if process.stderr else iter(())
            yield process, next(found[0] for line in lines if (found := _ADDRESS.search(line)))
        finally:
            process.kill()


def numbered_video() -> bytes:
    """Full HD as an encoder in the room sends it: no frame waits for a later one, a key frame every two seconds."""
    stream = io.BytesIO()
    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "g": "50"}
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=endoscopy.RATE, options=options)
        video.width, video.height, video.pix_fmt = endoscopy.COLUMNS, endoscopy.ROWS, "yuv420p"
        for number, rgb in enumerate(endoscopy.frames(FRAMES)):
            frame = av.VideoFrame.from_ndarray(_marked(rgb, number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, endoscopy.RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return stream.getvalue()


def number_shown(jpeg: bytes) -> int:
    """The number of a picture of any size, by its left margin."""
    grey = simplejpeg.decode_jpeg(jpeg, colorspace="GRAY", fastdct=True, min_height=120, min_width=200)[..., 0]
    scale = grey.shape[0] / endoscopy.ROWS
    x = int((_LEFT + _WIDE / 2) * scale)
    light = [grey[int((_TOP + (bit + 0.5) * _HIGH) * scale), x] > 127 for bit in range(_BITS)]
    return sum(1 << bit for bit, lit in enumerate(light) if lit)


def _marked(rgb: npt.NDArray[np.uint8], number: int) -> npt.NDArray[np.uint8]:
    marked = rgb.copy()
    for bit in range(_BITS):
        marked[_TOP + bit * _HIGH : _TOP + (bit + 1) * _HIGH, _LEFT : _LEFT + _WIDE] = 255 * (number >> bit & 1)
    return marked


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
