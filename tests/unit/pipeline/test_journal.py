"""The record of a run: what is in it is whole, and only what is whole is recalled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import UsageError
from aimis.domain.reading import Outcome, Reading, Reason, Source, Status
from aimis.pipeline.journal import FILE_NAME, PREVIOUS_NAME, Journal
from aimis.reports import json as records
from tests.fakes.redness import identity

SHA256 = "ab" * 32


def reading(path: str = "one.jpg", reader: str = "redness", code: str = "too-dark", **source: object) -> Reading:
    status = Status.FAILED if code in {"internal-error", "reader-failed"} else Status.NOT_ASSESSABLE
    return Reading(
        source=replace(Source(path=path, sha256=SHA256), **source),  # type: ignore[arg-type]
        identity=identity(reader),
        outcome=Outcome(status=status, reason=Reason.of(code)),
        seconds=0.25,
        read_at_utc="2026-01-02T03:04:05+00:00",
    )


def written(folder: Path, *items: list[list[Reading]]) -> Path:
    with Journal(folder, resume=False) as journal:
        for frames in items:
            journal.append(frames)
    return folder / FILE_NAME


def recalled(folder: Path, path: str = "one.jpg", *readers: str) -> tuple[tuple[Reading, ...], ...] | None:
    with Journal(folder, resume=True) as journal:
        return journal.recall(path, SHA256, [identity(reader) for reader in readers or ("redness",)])


def test_item_is_recalled_as_it_was_written(tmp_path: Path) -> None:
    written(tmp_path, [[reading()]], [[reading("two.jpg")]])
    assert recalled(tmp_path) == ((reading(),),)
    assert recalled(tmp_path, "two.jpg") == ((reading("two.jpg"),),)


@pytest.mark.parametrize(
    "changed",
    [{"reader": "other"}, {"version": "1.0.1"}, {"weights_sha256": "1" * 64}, {"operating_point": "specific"}],
)
def test_item_is_read_again_when_what_decides_a_reading_changed(tmp_path: Path, changed: dict[str, str]) -> None:
    written(tmp_path, [[reading()]])
    with Journal(tmp_path, resume=True) as journal:
        assert journal.recall("one.jpg", SHA256, [identity(**changed)]) is None
        assert journal.recall("one.jpg", "cd" * 32, [identity()]) is None
        assert journal.recall("elsewhere/one.jpg", SHA256, [identity()]) is None


def test_item_is_recalled_with_another_engine(tmp_path: Path) -> None:
    written(tmp_path, [[reading()]])
    with Journal(tmp_path, resume=True) as journal:
        assert journal.recall("one.jpg", SHA256, [identity(engine="another")]) is not None


def test_item_is_read_again_when_one_of_its_readers_is_new(tmp_path: Path) -> None:
    written(tmp_path, [[reading()]])
    assert recalled(tmp_path, "one.jpg", "redness", "blueness") is None


def test_readers_of_different_runs_are_recalled_together(tmp_path: Path) -> None:
    written(tmp_path, [[reading()]])
    with Journal(tmp_path, resume=True) as journal:
        journal.append([[reading(reader="blueness")]])
    assert recalled(tmp_path, "one.jpg", "blueness", "redness") == ((reading(reader="blueness"), reading()),)


@pytest.mark.parametrize("code", ["internal-error", "reader-failed"])
def test_item_that_failed_through_us_is_read_again(tmp_path: Path, code: str) -> None:
    written(tmp_path, [[reading(code=code)]])
    assert recalled(tmp_path) is None


def test_item_that_could_not_be_loaded_is_tried_again(tmp_path: Path) -> None:
    written(tmp_path, [[reading(sha256=None)]])
    assert recalled(tmp_path) is None


def test_later_record_of_an_item_wins(tmp_path: Path) -> None:
    written(tmp_path, [[reading(code="too-dark")]], [[reading(code="out-of-focus")]])
    assert recalled(tmp_path) == ((reading(code="out-of-focus"),),)


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 4), cut=st.integers(1, 4000))
def test_item_is_recalled_whole_or_not_at_all_wherever_the_record_was_torn(
    tmp_path_factory: pytest.TempPathFactory, frames: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    item = [[reading(frame=n if frames > 1 else None)] for n in range(frames)]
    file = written(folder, [[reading("first.jpg")]], item)
    whole = file.read_bytes()
    file.write_bytes(whole[: max(0, len(whole) - cut)])
    assert recalled(folder) is None
    assert all(json.loads(line) for line in file.read_bytes().splitlines())
    with Journal(folder, resume=True) as journal:
        journal.append(item)
    assert recalled(folder) == tuple(map(tuple, item))


def test_line_that_is_damaged_inside_the_record_is_refused_by_number(tmp_path: Path) -> None:
    file = written(tmp_path, [[reading()]], [[reading("two.jpg")]])
    file.write_bytes(file.read_bytes().replace(b'"schema"', b'"scheme"', 1))
    with pytest.raises(UsageError, match="line 1 is no record"):
        recalled(tmp_path)


def test_record_is_kept_aside_when_a_run_begins_anew(tmp_path: Path) -> None:
    written(tmp_path, [[reading()]])
    before = (tmp_path / FILE_NAME).read_bytes()
    written(tmp_path, [[reading("two.jpg")]])
    assert (tmp_path / PREVIOUS_NAME).read_bytes() == before
    assert [r.source.path for r in records.readings(tmp_path / FILE_NAME)] == ["two.jpg"]


def test_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path, resume=False), pytest.raises(UsageError, match="another run"):
        Journal(tmp_path, resume=True)


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Journal(tmp_path / "file" / "report", resume=False)
