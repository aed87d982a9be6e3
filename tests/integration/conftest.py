"""The installed program as a process of its own, with readers slow enough to be interrupted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from aimis.store import embedded
from tests.fakes import databases

READERS = Path(__file__).parents[1] / "fixtures" / "two-entries"
PROGRAM = (sys.executable, "-m", "aimis.cli")
ITEMS = 24


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """None of this machine's settings, and the test readers, each picture taking a while."""
    folder = tmp_path / "slow-readers" / "two-entries"
    shutil.copytree(READERS, folder)
    code = folder / "read.py"
    source = code.read_text().replace(
        "small = cv2.resize", "__import__('time').sleep(0.05)\n        small = cv2.resize"
    )
    code.write_text(source)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIMIS_")}
    return {**kept, "AIMIS_READERS_PATH": str(folder), "XDG_CONFIG_HOME": str(tmp_path / "none"), "COLUMNS": "120"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures; two of the files are broken."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(ITEMS - 2):
        rgb = np.full((320, 340, 3), (10 * number, 255 - 10 * number, 40), dtype=np.uint8)
        Image.fromarray(rgb).save(folder / f"{number:02}.png")
    (folder / "20a.png").write_bytes(b"")
    (folder / "20b.png").write_bytes((folder / "00.png").read_bytes()[:200])
    return folder


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Returns as soon as the condition holds; fails where the process ends or a minute passes before."""
    last = time.monotonic() + 60
    while not reached():
        if process.poll() is not None or time.monotonic() > last:
            raise AssertionError(f"did not get there: {process.communicate()}")
        time.sleep(0.01)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not there; `make test-system` brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder that the server's own account reaches where tests run as root, which pytest's are not."""
    with TemporaryDirectory(prefix="aimis-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The embedded PostgreSQL, or the one that AIMIS_TEST_DATABASE_URL names; tables are made once."""
    given = os.environ.get("AIMIS_TEST_DATABASE_URL")
    with data_folder() as folder, nullcontext(given) if given else embedded.serving(folder) as url:
        databases.make_template(url)
        yield url


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """A database of the test's own."""
    with databases.copied(server_url) as url:
        yield url
