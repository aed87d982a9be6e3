"""Files, folders, globs and zips become items; what is wrong with one is said when it is loaded, never before."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import CaseError
from aimis.imaging.limits import Limits
from aimis.ingest.folder import Item, count_items, find_items

DICOM = bytes(128) + b"DICM" + bytes(10)
NOBODY = 65534


def paths_of(*paths: str | Path) -> list[str]:
    return [item.path for item in find_items([str(path) for path in paths])]


def names_of(folder: Path) -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in paths_of(folder)]


def only(path: str | Path) -> Item:
    (item,) = find_items([str(path)])
    return item


def refusal(path: str | Path) -> tuple[str, str, str | None]:
    item = only(path)
    with pytest.raises(CaseError) as raised:
        item.load()
    error = raised.value
    return error.status.value, error.reason.code, dict(error.reason.values).get("why")


def make(folder: Path, *names: str, content: bytes = b"picture") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, which may read all; a test that is not run by root has none to give up."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anyone may reach: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_file_is_loaded_when_asked_for(tmp_path: Path) -> None:
    make(tmp_path, "eye.jpg")

    item = only(tmp_path / "eye.jpg")

    assert item.path == str(tmp_path / "eye.jpg")
    assert item.load() == b"picture"


@pytest.mark.parametrize("name", ["eye.txt", "eye", ".hidden.jpg", "Thumbs.db", "DICOMDIR"])
def test_named_file_is_always_tried(tmp_path: Path, name: str) -> None:
    make(tmp_path, name)

    assert only(tmp_path / name).load() == b"picture"


def test_folder_is_walked_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a/2.jpg", "a/10.JPG", "a/1.jpeg", "c/d/e/1.webp", "Z.tif")

    assert names_of(tmp_path) == ["Z.tif", "a/1.jpeg", "a/10.JPG", "a/2.jpg", "b.png", "c/d/e/1.webp"]


def test_path_is_shown_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos/1.jpg")
    monkeypatch.chdir(tmp_path)

    assert paths_of("./photos", "photos/", "photos", ".") == [
        "./photos/1.jpg",
        "photos/1.jpg",
        "photos/1.jpg",
        "./photos/1.jpg",
    ]


def test_folder_gives_only_what_could_be_a_picture(tmp_path: Path) -> None:
    make(tmp_path, "labels.csv", "notes.txt", ".DS_Store", "Thumbs.db", "desktop.ini", "DICOMDIR", ".git/1.jpg")
    make(tmp_path, "__MACOSX/._1.jpg", "1.jpg")
    make(tmp_path, "1.2.840.113619.2", "IM0001", "report.txt", content=DICOM)

    assert names_of(tmp_path) == ["1.2.840.113619.2", "1.jpg", "IM0001", "report.txt"]


@pytest.mark.parametrize("what", ["folder", "glob", "zip"])
def test_place_without_pictures_says_so(tmp_path: Path, what: str) -> None:
    make(tmp_path, "notes.txt")
    make(tmp_path, "empty.zip", content=b"PK\x05\x06" + bytes(18))
    path = {"folder": tmp_path / "none", "glob": tmp_path / "n*.txt", "zip": tmp_path / "empty.zip"}[what]
    (tmp_path / "none").mkdir()

    assert refusal(path)[:2] == ("unsupported", "no-pictures")


def test_glob_gives_its_matches_in_order(tmp_path: Path) -> None:
    make(tmp_path, "a/2.jpg", "a/1.jpg", "b/1.jpg", "b/1.txt", "b/c/9.jpg")

    assert [path[-7:] for path in paths_of(f"{tmp_path}/*/1.*")] == ["a/1.jpg", "b/1.jpg"]
    assert [path[-7:] for path in paths_of(f"{tmp_path}/**/*")] == ["a/1.jpg", "a/2.jpg", "b/1.jpg", "c/9.jpg"]
    assert [path[-7:] for path in paths_of(f"{tmp_path}/[b]")] == ["b/1.jpg", "c/9.jpg"]


def test_name_that_looks_like_a_glob_is_a_name_first(tmp_path: Path) -> None:
    make(tmp_path, "eye[1].jpg", "eye1.jpg")

    assert paths_of(tmp_path / "eye[1].jpg") == [str(tmp_path / "eye[1].jpg")]


@pytest.mark.parametrize("name", ["gone.jpg", "gone/1.jpg", "*.jpg", "a\0b.jpg", "x" * 300 + ".jpg"])
def test_path_that_is_not_there_is_said_to_be_so(tmp_path: Path, name: str) -> None:
    status, code, _ = refusal(f"{tmp_path}/{name}")

    assert (status, code) == ("failed", "unreadable" if len(name) > 200 else "not-found")


def test_empty_path_is_not_the_current_folder() -> None:
    assert refusal("") == ("failed", "not-found", None)


def test_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    make(tmp_path, "eye.jpg", content=b"")

    assert refusal(tmp_path / "eye.jpg") == ("failed", "empty-file", None)


def test_bad_paths_do_not_stop_the_others(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "2.jpg")

    items = list(find_items([f"{tmp_path}/1.jpg", f"{tmp_path}/no.jpg", f"{tmp_path}/no*", f"{tmp_path}/2.jpg"]))

    assert [Path(item.path).name for item in items] == ["1.jpg", "no.jpg", "no*", "2.jpg"]
    assert items[3].load() == b"picture"


def test_file_that_vanished_after_it_was_found_is_not_found(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg")
    item = only(tmp_path / "1.jpg")
    (tmp_path / "1.jpg").unlink()

    with pytest.raises(CaseError, match="not-found"):
        item.load()


def test_dangling_link_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "eye.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "notes").symlink_to(tmp_path / "gone")

    assert refusal(tmp_path) == ("failed", "not-found", None)
    assert refusal(tmp_path / "eye.jpg") == ("failed", "not-found", None)


@pytest.mark.parametrize("named", [False, True])
def test_pipe_does_not_hang(tmp_path: Path, named: bool) -> None:
    os.mkfifo(tmp_path / "eye.jpg")
    os.mkfifo(tmp_path / "pipe")

    path = tmp_path / "eye.jpg" if named else tmp_path

    assert refusal(path) == ("failed", "unreadable", "not-a-regular-file")


def test_device_is_not_read() -> None:
    assert refusal("/dev/zero") == ("failed", "unreadable", "not-a-regular-file")


def test_file_without_permission_is_unreadable(open_folder: Path) -> None:
    make(open_folder, "eye.jpg", "scan")
    for name in ("eye.jpg", "scan"):
        (open_folder / name).chmod(0)

    with nobody():
        items = list(find_items([str(open_folder)]))
        found = [Path(item.path).name for item in items]
        assert refusal(open_folder / "eye.jpg") == ("failed", "unreadable", "permission-denied")
        with pytest.raises(CaseError, match="permission-denied"):
            items[0].load()

    assert found == ["eye.jpg", "scan"]


def test_folder_that_cannot_be_listed_is_unreadable(open_folder: Path) -> None:
    make(open_folder, "closed/1.jpg", "open/2.jpg")
    (open_folder / "closed").chmod(0)

    try:
        with nobody():
            items = list(find_items([str(open_folder)]))
            with pytest.raises(CaseError, match="permission-denied"):
                items[0].load()
            assert refusal(open_folder / "closed") == ("failed", "unreadable", "permission-denied")
            assert refusal(open_folder / "closed" / "1.jpg")[1] == "unreadable"
    finally:
        (open_folder / "closed").chmod(0o755)

    assert [Path(item.path).name for item in items] == ["closed", "2.jpg"]


def test_link_that_leads_back_up_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "again").symlink_to(tmp_path)

    assert names_of(tmp_path) == ["a/1.jpg"]


def test_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/1.jpg", "here/2.jpg")
    (tmp_path / "here" / "more").symlink_to(tmp_path / "elsewhere")

    assert names_of(tmp_path / "here") == ["2.jpg", "more/1.jpg"]


def test_folders_nested_deeper_than_calls_can_be_are_walked(tmp_path: Path) -> None:
    make(tmp_path, "d/" * 150 + "1.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        found = paths_of(tmp_path)
    finally:
        sys.setrecursionlimit(limit)

    assert len(found) == 1


def test_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as stream:
        stream.truncate(2**40)

    assert refusal(tmp_path / "huge.jpg")[:2] == ("unsupported", "file-too-large")


def test_file_that_grows_while_it_is_read_is_held_to_the_limit(tmp_path: Path) -> None:
    """A file of /proc says that it is empty and is not."""
    assert only("/proc/self/status").load().startswith(b"Name:")
    (item,) = find_items(["/proc/self/status"], limits=Limits(max_bytes=10))
    with pytest.raises(CaseError, match="file-too-large"):
        item.load()


def test_name_that_is_no_utf_8_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.jpg")
    make(tmp_path, name)

    item = only(tmp_path)

    assert item.path.encode("utf-8").endswith(b".jpg")
    assert item.load() == b"picture"


def test_items_are_found_lazily(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "2.jpg", "later/3.jpg")
    items = find_items([str(tmp_path)])

    next(items)
    make(tmp_path, "later/4.jpg")

    assert [Path(item.path).name for item in items] == ["2.jpg", "3.jpg", "4.jpg"]


def test_only_the_file_at_hand_is_held_in_memory(tmp_path: Path) -> None:
    for number in range(200):
        with (tmp_path / f"{number}.jpg").open("wb") as stream:
            stream.truncate(1_000_000)
    tracemalloc.start()

    sizes = {len(item.load()) for item in find_items([str(tmp_path)])}

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == {1_000_000}
    assert peak < 4_000_000


def test_count_is_the_number_of_items(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "a/2.jpg", "notes.txt")

    assert count_items([str(tmp_path), str(tmp_path / "1.jpg"), str(tmp_path / "gone")]) == 4


@given(st.lists(st.text(min_size=0, max_size=20), max_size=5))
def test_any_words_are_paths(paths: list[str]) -> None:
    bounded = [f"/nonexistent/{path}" for path in paths]

    assert len(list(find_items(bounded))) == len(paths)
