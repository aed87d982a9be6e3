"""A server of RTSP over TCP (RFC 2326): FFmpeg publishes a stream to it, and whoever asks is sent it."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import av

from tests.fakes.streams import Sender

_INTERLEAVED = b"$"


@dataclass(kw_only=True)
class Relay:
    """One published stream and its players, who may come and go.

    password : as the header of Basic authorisation has it; empty where none is asked for
    """

    listener: socket.socket
    password: str = ""
    players: list[socket.socket] = field(default_factory=list)
    published: threading.Event = field(default_factory=threading.Event)
    sdp: bytes = b""

    def serve(self) -> None:
        """Each connection in a thread, until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def hang_up(self) -> None:
        """End every player's connection."""
        for player in self.players:
            player.shutdown(socket.SHUT_RDWR)
        self.players.clear()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            try:
                while first := file.read(1):
                    if first == _INTERLEAVED:
                        self._forward(first + _exactly(file, 3), file)
                    else:
                        self._answer(connection, first + file.readline(), file)
            except OSError:
                return

    def _forward(self, head: bytes, file: BinaryIO) -> None:
        packet = head + _exactly(file, int.from_bytes(head[2:4], "big"))
        for player in tuple(self.players):
            try:
                player.sendall(packet)
            except OSError:
                self.players.remove(player)

    def _answer(self, connection: socket.socket, request: bytes, file: BinaryIO) -> None:
        method, address, _ = request.decode().split()
        lines = iter(lambda: file.readline().decode().strip(), "")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = _exactly(file, int(headers.get("content-length", 0)))
        said = [f"CSeq: {headers['cseq']}", "Session: 1"]
        content = b""
        if method == "ANNOUNCE":
            self.sdp = body
        elif self.password and method == "DESCRIBE" and headers.get("authorization") != f"Basic {self.password}":
            refused = f"RTSP/1.0 401 Unauthorized\r\n{said[0]}\r\nWWW-Authenticate: Basic realm=x\r\n\r\n"
            connection.sendall(refused.encode())
            return
        elif method == "DESCRIBE":
            content = self.sdp
            said += ["Content-Type: application/sdp", f"Content-Base: {address}/", f"Content-Length: {len(content)}"]
        elif method == "SETUP":
            said.append(f"Transport: {headers['transport']}")
        connection.sendall("\r\n".join(["RTSP/1.0 200 OK", *said, "", ""]).encode() + content)
        if method == "RECORD":
            self.published.set()
        elif method == "PLAY":
            self.players.append(connection)


def _exactly(file: BinaryIO, size: int) -> bytes:
    return file.read(size) if size else b""


@contextmanager
def rtsp(content: bytes, rate: int, *, password: str = "") -> Iterator[tuple[str, Relay]]:
    """The address of a stream that a process of its own sends, and what serves it.

    A process, because PyAV lets no other thread work while FFmpeg shakes hands with the server.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        address = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live"
        relay = Relay(listener=listener, password=password)
        serving = threading.Thread(target=relay.serve)
        serving.start()
        command = [sys.executable, "-m", "tests.fakes.rtsp", address, file.name, str(rate)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as sending:
            try:
                assert relay.published.wait(60)
                yield address, relay
            finally:
                sending.kill()
                listener.shutdown(socket.SHUT_RDWR)
                serving.join()


def _publish(address: str, path: str, rate: str) -> None:
    with av.open(address, "w", format="rtsp", options={"rtsp_transport": "tcp"}) as container:
        Sender(content=Path(path).read_bytes(), rate=int(rate)).into(container)


if __name__ == "__main__":
    _publish(*sys.argv[1:])
