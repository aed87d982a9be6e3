"""The service in this process, over a database of the test's own and knowledge that a test knows by heart."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from aimis.consult.dialogue import Dialogue
from aimis.settings import ServeSettings, Settings
from aimis.store import clinicians, database
from aimis.store.seal import Seal
from aimis.store.transaction import Store
from aimis.web.serving import Service, make_service
from tests.fakes.knowledge import small_dialogue

PASSWORD = "correct horse battery"  # noqa: S105  of a test


@pytest.fixture(scope="session")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Dialogue:
    return small_dialogue(tmp_path_factory.mktemp("knowledge"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with database.connected(database_url) as engine:
        yield Store(engine=engine, seal=Seal([bytes(32)]))


@pytest.fixture
def settings() -> Settings:
    return Settings(serve=ServeSettings(requests_per_minute=10_000, starts_per_hour=10_000))


@pytest.fixture
def service(store: Store, dialogue: Dialogue, settings: Settings) -> Service:
    with store.begin() as tx:
        clinicians.set_password(tx, "Dr Li", PASSWORD)
    return make_service(settings, store, dialogue)


@contextmanager
def served(app: FastAPI, **more: Any) -> Iterator[str]:
    """The app on a port of this machine, in a thread; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, **more))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    """Where the service is reached; its jobs are worked on."""
    with served(service.app) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """A browser without JavaScript."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False) as browser:
        yield browser
