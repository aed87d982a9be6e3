"""What was parsed once is not parsed again, and a shelf that is broken costs nothing but time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aimis.consult.shelf import Shelf, default_path


def parsed_anew(shelf: Shelf, content: bytes) -> tuple[Any, bool]:
    """What the shelf gives, and whether it had to be parsed."""
    calls = list[bytes]()

    def parse(given: bytes) -> Any:
        calls.append(given)
        return yaml.safe_load(given)

    return shelf.parsed(content, parse), bool(calls)


CONTENT = "{name: 头疼, chance: 0.3, options: [no, 'yes', null, true]}".encode()


def test_next_start_parses_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "made" / "shelf"
    first = Shelf(path)
    given, anew = parsed_anew(first, CONTENT)
    assert anew
    first.save()
    assert parsed_anew(Shelf(path), CONTENT) == (given, False)
    assert parsed_anew(first, CONTENT) == (given, False)
    assert path.stat().st_mode & 0o077 == 0


def test_changed_content_is_parsed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    parsed_anew(shelf, CONTENT)
    shelf.save()
    assert parsed_anew(shelf, CONTENT.replace(b"0.3", b"0.4"))[0]["chance"] == 0.4


def test_what_is_given_out_is_nobody_elses(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    parsed_anew(shelf, CONTENT)
    shelf.save()
    parsed_anew(shelf, CONTENT)[0].clear()
    assert parsed_anew(shelf, CONTENT)[0]["chance"] == 0.3


@pytest.mark.parametrize("content", [b"{1: one}", b"[2026-01-01]", b"[.nan]", b"just a text"])
def test_what_json_would_change_is_parsed_each_time(tmp_path: Path, content: bytes) -> None:
    shelf = Shelf(tmp_path / "shelf")
    parsed_anew(shelf, content)
    shelf.save()
    assert parsed_anew(Shelf(tmp_path / "shelf"), content)[1]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_torn_line_counts_as_absent_and_harms_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "shelf"
    shelf = Shelf(path)
    given, _ = parsed_anew(shelf, CONTENT)
    shelf.save()
    path.write_bytes(path.read_bytes().rstrip()[:-cut])
    again = Shelf(path)
    assert parsed_anew(again, CONTENT) == (given, True)
    again.save()
    assert parsed_anew(Shelf(path), CONTENT) == (given, False)


def test_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    for path in (tmp_path / "file" / "shelf", tmp_path / "file", tmp_path, None):
        shelf = Shelf(path)
        assert parsed_anew(shelf, CONTENT)[1]
        shelf.save()


def test_place_follows_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_path() == Path("/caches/aimis/knowledge.jsonl")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/li")
    assert default_path() == Path("/home/li/.cache/aimis/knowledge.jsonl")
    monkeypatch.delenv("HOME")
    assert default_path() is None
