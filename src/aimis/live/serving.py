"""The page's server, in a thread of its own, on this machine alone unless somebody asks otherwise."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn

from aimis.domain.errors import UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

_SEND_BUFFER_BYTES = 2**18
"""What waits for a slow viewer of the Motion JPEG stream: about two pictures, where the system would take dozens."""
_PATIENCE_S = 5.0


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at an address; UsageError where it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen at {host}:{port} ({why}); name another with --port, or --port 0") from error
    with opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        yield opened


@contextmanager
def serving(app: FastAPI, at: socket.socket) -> Iterator[None]:
    """The app is served meanwhile."""
    config = uvicorn.Config(
        app,
        access_log=False,  # addresses hold the key
        log_level=logging.CRITICAL,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [at]}, name="serve", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)
