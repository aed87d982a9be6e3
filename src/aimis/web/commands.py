"""The commands `aimis serve` and `aimis clinician`."""

from __future__ import annotations

import getpass
import sys

from aimis import settings
from aimis.store import clinicians
from aimis.web import serving


def serve(*, host: str | None, port: int | None) -> None:
    """Serve until stopped; options win over settings."""
    site = settings.load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    site = site.model_copy(update={"serve": site.serve.model_copy(update=given)})
    serving.serve(site, _say)


def set_clinician(name: str) -> None:
    """Add a clinician or change the password."""
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    with serving.open_store(settings.load_settings()) as store, store.begin() as tx:
        clinicians.set_password(tx, name, password)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
