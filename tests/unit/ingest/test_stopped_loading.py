"""A series that is being loaded or hashed is given up between two files."""

from __future__ import annotations

import pytest

from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.ingest.item import Item
from aimis.ingest.volumes import Volumes
from tests.fakes import ct

SCANNER = ct.Scanner(shape=(46, 40, 44), spacing_mm=(3.0, 8.0, 8.5), first_mm=80.0)
READ_BEFORE = 5


class AskedError(Exception):
    """Somebody asked to stop."""


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "hashed"])
def test_series_is_given_up_and_no_more_files_are_read(loaded: bool) -> None:
    read: list[str] = []
    asked: list[None] = []

    def item_of(number: int, content: bytes) -> Item:
        path = f"scan/{number:04}.dcm"
        return Item(path=path, load=lambda: read.append(path) or content, beginning=lambda size: content[:size])  # type: ignore[func-returns-value]

    def stop_if_asked() -> None:
        asked.append(None)
        if len(asked) > READ_BEFORE:
            raise AskedError

    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(ct.dicom_files(ct.scan(SCANNER, vessels=0))):
        volumes.take(item_of(number, content), "scan")
    (item,) = volumes.items()

    with pytest.raises(AskedError):
        (item.load if loaded else item.sha256)(stop_if_asked)

    assert len(read) == READ_BEFORE
