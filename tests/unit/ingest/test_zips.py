"""Zip archives: read a member at a time, and never more than the limit."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.errors import CaseError
from aimis.imaging.limits import Limits
from aimis.ingest.folder import Item, count_items, find_items

DICOM = bytes(128) + b"DICM" + bytes(10)


def zip_of(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


class Folder:
    """A place for archives."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, content: bytes, name: str = "eyes.zip") -> str:
        (self.path / name).write_bytes(content)
        return str(self.path / name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def members(path: str, limits: Limits | None = None) -> dict[str, Item]:
    items = find_items([path], limits=limits) if limits else find_items([path])
    return {item.path.removeprefix(f"{path}/"): item for item in items}


def refusal(item: Item) -> tuple[str, str]:
    with pytest.raises(CaseError) as raised:
        item.load()
    return raised.value.status.value, raised.value.reason.code


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_loaded_when_asked_for(folder: Folder, compression: int) -> None:
    path = folder.write(zip_of({"b/2.jpg": b"two", "1.jpg": b"one" * 100_000}, compression))

    found = members(path)

    assert list(found) == ["1.jpg", "b/2.jpg"]
    assert found["b/2.jpg"].load() == b"two"
    assert found["1.jpg"].load() == b"one" * 100_000


def test_zip_in_a_folder_is_opened(folder: Folder) -> None:
    folder.write(zip_of({"1.jpg": b"one"}), "a.zip")
    (folder.path / "b.jpg").write_bytes(b"two")

    assert [item.load() for item in find_items([str(folder.path)])] == [b"one", b"two"]


@pytest.mark.parametrize("name", ["eyes.jpg", "eyes"])
def test_named_zip_is_known_by_its_content(folder: Folder, name: str) -> None:
    assert list(members(folder.write(zip_of({"1.jpg": b"one"}), name))) == ["1.jpg"]


def test_picture_named_zip_is_a_picture(folder: Folder) -> None:
    path = folder.write(b"\xff\xd8\xff", "eye.zip")

    (item,) = find_items([path])

    assert (item.path, item.load()) == (path, b"\xff\xd8\xff")


def test_archive_gives_only_what_could_be_a_picture(folder: Folder) -> None:
    names = ["1.jpg", "notes.txt", "__MACOSX/._1.jpg", ".hidden/2.jpg", "Thumbs.db", "DICOMDIR"]
    content = zip_of({**dict.fromkeys(names, b"x"), "IM0001": DICOM, "folder/": b""})

    assert list(members(folder.write(content))) == ["1.jpg", "IM0001"]


def test_archive_in_an_archive_is_named_and_not_opened(folder: Folder) -> None:
    found = members(folder.write(zip_of({"inner.zip": zip_of({"1.jpg": b"one"}), "2.jpg": b"two"})))

    assert refusal(found["inner.zip"]) == ("unsupported", "nested-archive")
    assert found["2.jpg"].load() == b"two"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/1.jpg", "etc/1.jpg"),
        ("/root/1.jpg", "root/1.jpg"),
        ("C:\\eyes\\1.jpg", "eyes/1.jpg"),
        ("a/./b//1.jpg", "a/b/1.jpg"),
        ("a\x1b[31m\n1.jpg", "a_[31m_1.jpg"),
    ],
)
def test_name_that_would_leave_the_archive_is_tamed(folder: Folder, name: str, shown: str) -> None:
    found = members(folder.write(zip_of({name: b"one"})))

    assert list(found) == [shown]
    assert found[shown].load() == b"one"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_chinese_name_without_its_flag_is_read(folder: Folder, encoding: str) -> None:
    content = zip_of({"ABCDEFGH.jpg": b"one"})
    name = "左眼".encode(encoding).ljust(8, b"_")

    assert list(members(folder.write(content.replace(b"ABCDEFGH", name)))) == [name.decode(encoding) + ".jpg"]


def test_empty_member_is_said_to_be_empty(folder: Folder) -> None:
    (item,) = members(folder.write(zip_of({"1.jpg": b""}))).values()

    assert refusal(item) == ("failed", "empty-file")


def with_flag(content: bytes, flag: int) -> bytes:
    """Set in the local and the central header of the only member."""
    central = content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[6] |= flag
    changed[central + 8] |= flag
    return bytes(changed)


@pytest.mark.parametrize("name", ["1.jpg", "IM0001"])
def test_encrypted_member_is_unsupported(folder: Folder, name: str) -> None:
    (item,) = members(folder.write(with_flag(zip_of({name: b"secret"}), 1))).values()

    assert refusal(item) == ("unsupported", "encrypted")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_member_of_unread_compression_is_unsupported(folder: Folder, compression: int) -> None:
    (item,) = members(folder.write(zip_of({"1.jpg": bytes(1000)}, compression))).values()

    assert refusal(item) == ("unsupported", "unsupported-file")


def test_bomb_is_refused_by_what_it_says(folder: Folder) -> None:
    path = folder.write(zip_of({"1.jpg": bytes(20_000_000)}))

    (item,) = members(path, Limits(max_bytes=10_000_000)).values()

    assert refusal(item) == ("unsupported", "file-too-large")


def test_bomb_that_lies_about_its_size_is_refused(folder: Folder) -> None:
    """It says ten bytes, and unpacks to twenty million."""
    content = bytearray(zip_of({"1.jpg": bytes(20_000_000)}))
    central = content.index(b"PK\x01\x02")
    content[22:26] = content[central + 24 : central + 28] = struct.pack("<I", 10)

    (item,) = members(folder.write(bytes(content)), Limits(max_bytes=10_000_000)).values()

    assert refusal(item)[0] == "failed"


def test_member_whose_checksum_does_not_hold_is_broken(folder: Folder) -> None:
    content = bytearray(zip_of({"1.jpg": b"abcdefgh", "2.jpg": b"whole"}, zipfile.ZIP_STORED))
    content[content.index(b"abcdefgh")] ^= 1

    found = members(folder.write(bytes(content)))

    assert refusal(found["1.jpg"]) == ("failed", "broken-archive")
    assert found["2.jpg"].load() == b"whole"


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.05])
def test_truncated_archive_is_said_to_be_so(folder: Folder, kept: float) -> None:
    content = zip_of({f"{number}.jpg": bytes(1000) for number in range(20)})

    (item,) = members(folder.write(content[: int(len(content) * kept)])).values()

    assert refusal(item) == ("failed", "truncated")


def test_directory_that_would_fill_the_memory_is_not_read(folder: Folder) -> None:
    content = zip_of({"1.jpg": b"one"})
    end = content.index(b"PK\x05\x06")
    directory = bytes(17 * 2**20)
    lying = content[:end] + directory + content[end : end + 12] + struct.pack("<II", len(directory), end) + b"\0\0"

    (item,) = members(folder.write(lying)).values()

    assert refusal(item) == ("unsupported", "too-many-members")


def test_thousands_of_members_are_found(folder: Folder) -> None:
    path = folder.write(zip_of({f"{number:05}.jpg": b"x" for number in range(3000)}, zipfile.ZIP_STORED))

    items = list(find_items([path]))

    assert count_items([path]) == len(items) == 3000
    assert items[2999].load() == b"x"


def test_members_may_be_loaded_from_many_threads(folder: Folder) -> None:
    pictures = {f"{number}.jpg": bytes([number]) * 200_000 for number in range(16)}
    found = members(folder.write(zip_of(pictures)))
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        loaded[name] = found[name].load()

    threads = [threading.Thread(target=load, args=(name,)) for name in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert loaded == pictures


def test_archive_is_closed_when_its_items_are_gone(folder: Folder) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        items = members(folder.write(zip_of({"1.jpg": b"one"})))
        items["1.jpg"].load()
        items.clear()

    assert caught == []


def test_two_members_of_one_name_are_both_read(folder: Folder) -> None:
    content = zip_of({"1.jpg": b"one", "2.jpg": b"two"}).replace(b"2.jpg", b"1.jpg")

    assert [item.load() for item in find_items([folder.write(content)])] == [b"one", b"two"]


@given(st.data())
@settings(max_examples=50)
def test_damaged_archive_only_ever_says_so(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(zip_of({"1.jpg": b"one" * 50, "IM": DICOM, "deep/2.png": b"two"}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(bytes(content))

    for item in find_items([str(path)]):
        try:
            assert len(item.load()) < 1000
        except CaseError as error:
            assert error.reason.code  # noqa: PT017
