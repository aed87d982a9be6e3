"""Readers are chosen, and opened no sooner than they are needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aimis import bootstrap
from aimis.readers import registry
from aimis.settings import LimitSettings, Settings

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> registry.Found:
    monkeypatch.delenv(registry.PATH_VARIABLE, raising=False)
    return registry.find_readers((FIXTURES / "two-entries", FIXTURES / "examiner"))


def test_reader_says_whether_it_takes_examinations_without_being_opened(found: registry.Found) -> None:
    chosen = bootstrap.choose_readers(found, ["brightness", "colour-cast", "examiner"], "balanced")
    offered = bootstrap.offer_readers(chosen, Settings(), jobs=1)
    assert [(len(c.reader_ids), r.takes_examinations) for c, r in zip(chosen, offered, strict=True)] == [
        (2, False),
        (1, True),
    ]


def test_reader_of_volumes_takes_nothing_else_unless_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.PATH_VARIABLE, raising=False)
    found = registry.find_readers((FIXTURES / "two-entries", FIXTURES / "spotter"))
    chosen = bootstrap.choose_readers(found, ["brightness", "spotter"], None)
    offered = bootstrap.offer_readers(chosen, Settings(), jobs=1)
    assert [(r.takes_stills, r.takes_examinations, r.takes_volumes) for r in offered] == [
        (True, False, False),
        (False, False, True),
    ]
    entry = chosen[1].manifest.reader("spotter")
    assert bootstrap.takes_stills(entry.model_copy(update={"inputs": ("volume", "still")}))
    assert offered[1].open().takes_volumes


def test_reader_is_opened_once(found: registry.Found) -> None:
    (offered,) = bootstrap.offer_readers(bootstrap.choose_readers(found, ["examiner"], None), Settings(), jobs=1)
    opened = offered.open()
    assert offered.open() is opened
    assert opened.takes_examinations
    assert opened.identities["examiner"].engine == opened.reader.engine


@pytest.mark.parametrize(("site", "network", "enough"), [(900, 320, 480), (900, 640, 640), (400, 320, 400)])
def test_frames_are_decoded_as_small_as_network_page_and_site_allow(
    found: registry.Found, site: int, network: int, enough: int
) -> None:
    (choice,) = bootstrap.choose_readers(found, ["examiner"], None)
    choice = replace(choice, manifest=choice.manifest.model_copy(update={"network": {"input_px": network}}))
    settings = Settings(limits=LimitSettings(enough_px=site))
    assert bootstrap.examination_limits([choice], settings).enough_px == enough


def test_peeking_loses_nothing() -> None:
    items, first = bootstrap.peek(iter("abcde"), 3)
    assert (first, list(items)) == (["a", "b", "c"], ["a", "b", "c", "d", "e"])
