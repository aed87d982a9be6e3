"""The commands `aimis serve` and `aimis clinician`."""

from __future__ import annotations

import gc
import getpass
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.settings import Settings


def serve(*, host: str | None, port: int | None) -> None:
    """Serve until stopped; options win over settings."""
    gc.disable()  # a sixth of the start goes into looking for garbage that is not there; `serving` enables it again
    from aimis import settings  # noqa: PLC0415
    from aimis.store import embedded  # noqa: PLC0415

    site = settings.load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    site = site.model_copy(update={"serve": site.serve.model_copy(update=given)})
    url, folder = _database_url(site), embedded.data_folder(site.data_folder)
    with embedded.serving_beside(folder) if url is None else nullcontext(lambda: url) as waited_for:
        from aimis.web import serving  # noqa: PLC0415  the database starts while this loads, which takes as long

        serving.serve(site, waited_for, _say)


def set_clinician(name: str) -> None:
    """Add a clinician or change the password."""
    from aimis import settings  # noqa: PLC0415
    from aimis.store import clinicians  # noqa: PLC0415
    from aimis.web import serving  # noqa: PLC0415

    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    site = settings.load_settings()
    with serving.open_store(site, _database_url(site)) as store, store.begin() as tx:
        clinicians.set_password(tx, name, password)


def _database_url(site: Settings) -> str | None:
    return site.database_url.get_secret_value() if site.database_url else None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
