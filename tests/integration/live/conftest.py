"""Live sessions in this process: streams over loopback by FFmpeg's own muxers, the toy reader, the page's server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from fastapi import FastAPI

from aimis.console.live import LIVE_TEXTS
from aimis.live.page import make_app
from aimis.live.serving import listening, serving
from aimis.live.session import Live, open_live
from aimis.live.source import Source
from aimis.reports.texts import LANGUAGES, load_texts
from tests.fakes import videos
from tests.fakes.examiner import NEOPLASIA, Examiner

RATE = 25
KEY = "key"
EXAMINER_TEXTS = Path(__file__).parents[2] / "fixtures" / "examiner" / "text"

Page = tuple[Live, str]


class OpenPage(Protocol):
    """Opens a session of a source, and its page."""

    def __call__(self, location: str, reader: Examiner = ..., /) -> AbstractContextManager[Page]:
        """Both; by the toy reader, or by one like it."""
        ...


@pytest.fixture(scope="session")
def numbered() -> bytes:
    """Four seconds of numbered frames, a key frame a second."""
    kind = videos.Kind(size_px=(640, 360), options={"g": "25", "keyint_min": "25"})
    return videos.video(kind, 100)


@pytest.fixture
def free_port() -> int:
    """Of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def page_of(live: Live) -> FastAPI:
    """The app of a session, with the toy reader's words."""
    files = {language: EXAMINER_TEXTS / f"{language}.toml" for language in LANGUAGES}
    words = {language: load_texts(language, [LIVE_TEXTS, files]) for language in LANGUAGES}
    return make_app(live, words, language="en", key=KEY)


@pytest.fixture
def open_page(tmp_path: Path) -> OpenPage:
    """Opens a session of a source, and its page; gives both."""

    @contextmanager
    def opened(location: str, reader: Examiner = Examiner(), /) -> Iterator[Page]:  # noqa: B008  # it holds nothing
        errors: list[Exception] = []
        session = open_live(
            Source.of(location),
            reader,
            reader_id="examiner",
            chimes_for=NEOPLASIA,
            folder=tmp_path / "exam",
            log_failure=errors.append,
        )
        with session as live, listening("127.0.0.1", 0) as at, serving(page_of(live), at):
            yield live, f"http://127.0.0.1:{at.getsockname()[1]}/{KEY}/"
        assert not errors

    return opened


@contextmanager
def viewer(url: str) -> Iterator[httpx.Client]:
    """A browser without a page."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client


def pictures(client: httpx.Client) -> Iterator[tuple[int, bytes]]:
    """Number and JPEG of each picture, asked for as the page does."""
    number = 0
    while True:
        answer = client.get("picture", params={"after": number})
        if answer.status_code == 200:
            number = int(answer.headers["X-Frame"])
            yield number, answer.content
