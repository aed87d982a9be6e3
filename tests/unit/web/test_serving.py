"""What must go on while the service runs goes on after an error, and the error is written down."""

from __future__ import annotations

import asyncio

import pytest

from aimis.logs import Log
from aimis.web import serving


def test_work_that_fails_is_logged_and_begins_again(capsys: pytest.CaptureFixture[str]) -> None:
    began: list[int] = []

    async def work() -> None:
        began.append(len(began))
        if len(began) < 3:
            raise ConnectionError("host=secret")
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(serving.keep_up(work, Log(), "jobs", pause_s=0.0))
    assert began == [0, 1, 2]
    told = capsys.readouterr().err
    assert told.count("serving-failed") == 2
    assert "what=jobs" in told
    assert "secret" not in told
