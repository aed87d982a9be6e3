"""Folders are found wherever they may lie, and those that do not hold are refused with the reason."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aimis.domain.errors import ReaderRefusedError, UsageError
from aimis.readers import registry

from .conftest import Folder, copy_of_two_entries

IDS = {"brightness", "colour-cast"}


def _refusal(path: Path) -> str:
    with pytest.raises(ReaderRefusedError) as caught:
        registry.check_folder(path)
    return str(caught.value)


def test_folder_that_holds_is_accepted(folder: Folder) -> None:
    assert set(registry.check_folder(folder.path).reader_ids) == IDS


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            "weights/network.onnx",
            "weights.file: {file} cannot be read (No such file or directory); put the weights there",
        ),
        ("MODEL_CARD.md", "readers: {file} cannot be read (No such file or directory); put it there"),
        ("text/en.toml", "texts.en: {file} cannot be read (No such file or directory); put it there"),
        ("text/zh.toml", "texts.zh: {file} cannot be read (No such file or directory); put it there"),
        ("read.py", "entry: there is no {file}; name the module that loads the reader"),
    ],
)
def test_missing_file_is_refused_by_key_and_name(folder: Folder, file: str, told: str) -> None:
    (folder.path / file).unlink()
    assert _refusal(folder.path) == f"{folder.path / 'reader.toml'}: {told.format(file=folder.path / file)}"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("MODEL_CARD.md", "brightness | 1.0.0", "brightness | 1.0.1", "names brightness and 1.0.0; bring the card"),
        ("MODEL_CARD.md", "brightness | 1.0.0", "brightness | 11.0.0", "names brightness and 1.0.0"),
        ("MODEL_CARD.md", "brightness | 1.0.0", "brightness | 1.0.0-rc1", "names brightness and 1.0.0"),
        ("MODEL_CARD.md", "brightness | 1.0.0", "high-brightness | 1.0.0", "names brightness and 1.0.0"),
        ("MODEL_CARD.md", "colour-cast | 1.1.0", "colour-cast\n1.1.0", "names colour-cast and 1.1.0"),
        ("text/en.toml", "[findings.red-picture]", "[findings.red]", "has no title in [findings.red-picture]"),
        ("text/en.toml", "[reader.brightness]", "[readers.brightness]", "has no title in [reader.brightness]"),
        ("text/zh.toml", "title =", "title", "zh.toml is no TOML"),
        ("reader.toml", "bytes = 335", "bytes = 336", "weights.bytes: network.onnx has 335 bytes, not 336"),
        ("reader.toml", 'entry = "read:load"', 'entry = "other:load"', "entry: there is no"),
        (
            "reader.toml",
            'licence = "CC-BY-4.0"',
            'licence = "LicenseRef-Own"\nlicence_file = "weights/LICENCE"',
            "weights.licence_file: weights/LICENCE is not there",
        ),
    ],
)
def test_file_that_contradicts_the_manifest_is_refused(
    folder: Folder, file: str, old: str, new: str, told: str
) -> None:
    folder.replace(file, old, new)
    assert told in _refusal(folder.path)


def test_text_that_is_not_utf8_is_refused(folder: Folder) -> None:
    (folder.path / "text" / "en.toml").write_bytes("[reader]\ntitle = 'Größe'".encode("latin-1"))
    assert "is not UTF-8; save it as UTF-8" in _refusal(folder.path)


def test_changed_weights_are_refused_also_after_they_were_accepted(folder: Folder) -> None:
    registry.check_folder(folder.path)
    weights = folder.path / "weights" / "network.onnx"
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(1, 1))
    assert "weights.sha256: network.onnx has" in _refusal(folder.path)


def _with_second_network(folder: Folder) -> Path:
    second = folder.path / "weights" / "second.onnx"
    second.write_bytes(b"a second network")
    digest = hashlib.sha256(second.read_bytes()).hexdigest()
    table = f'[weights.also.second]\nfile = "weights/second.onnx"\nsha256 = "{digest}"\nbytes = 16\n\n[texts]'
    folder.replace("reader.toml", "[texts]", table)
    return second


def test_a_folder_may_hold_further_networks(folder: Folder) -> None:
    before = registry.check_folder(folder.path).weights.identity
    _with_second_network(folder)
    weights = registry.check_folder(folder.path).weights
    assert [file.file for file in weights.files] == ["weights/network.onnx", "weights/second.onnx"]
    assert weights.identity not in (before, weights.sha256)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a second networK", "weights.also.second.sha256"), (b"cut", "weights.also.second.bytes"), (None, ".file")],
)
def test_a_further_network_that_is_not_as_stated_is_refused(folder: Folder, content: bytes | None, told: str) -> None:
    second = _with_second_network(folder)
    second.unlink() if content is None else second.write_bytes(content)
    assert told in _refusal(folder.path)


def test_licence_of_its_own_with_its_text_is_accepted(folder: Folder) -> None:
    folder.replace("reader.toml", 'licence = "CC-BY-4.0"', 'licence = "LicenseRef-Own"\nlicence_file = "LICENCE"')
    (folder.path / "LICENCE").write_text("As you like it.")
    assert registry.check_folder(folder.path).weights.licence == "LicenseRef-Own"


def test_readers_are_found_in_a_folder_and_in_a_folder_of_folders(folder: Folder) -> None:
    assert set(registry.find_readers([folder.path]).manifests) >= IDS
    assert set(registry.find_readers([folder.path.parent]).manifests) >= IDS


def test_readers_are_found_by_the_environment(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = copy_of_two_entries(tmp_path / "other")
    other.rename_readers("two")
    monkeypatch.setenv("AIMIS_READERS_PATH", os.pathsep.join([str(folder.path.parent), "", str(other.path)]))
    found = registry.find_readers()
    assert set(found.manifests) >= IDS | {"brightness-two", "colour-cast-two"}
    assert found.manifests["brightness"].folder == folder.path.resolve()


def test_same_folder_named_twice_is_found_once(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder.path)
    found = registry.find_readers([folder.path, folder.path.parent, tmp_path / "link"])
    assert set(found.manifests) >= IDS
    assert not [r for r in found.refused if tmp_path in r.folder.parents]


def test_later_folder_with_an_id_already_given_is_refused_whole(folder: Folder, tmp_path: Path) -> None:
    other = copy_of_two_entries(tmp_path / "other")
    for file in ("reader.toml", "MODEL_CARD.md", "text/en.toml"):
        other.replace(file, "brightness", "shininess")
    found = registry.find_readers([folder.path, other.path])
    assert found.manifests["colour-cast"].folder == folder.path.resolve()
    assert "shininess" not in found.manifests
    (refused,) = [r for r in found.refused if r.folder == other.path]
    assert f"colour-cast is already given by {folder.path.resolve()}; remove one of the two" in refused.why


def test_one_refused_folder_leaves_the_others(folder: Folder, tmp_path: Path) -> None:
    broken = copy_of_two_entries(tmp_path / "readers" / "broken")
    (broken.path / "MODEL_CARD.md").unlink()
    found = registry.find_readers([folder.path.parent])
    assert set(found.manifests) >= IDS
    assert [r.folder for r in found.refused if tmp_path in r.folder.parents] == [broken.path]


def test_path_without_readers_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        assert (
            registry.Refused(path, f"{path} holds no reader.toml, nor does a folder in it; mend the path")
            in registry.find_readers([path]).refused
        )


def test_readers_of_this_package_hold() -> None:
    own = Path(registry.__file__).parent
    assert not [refused for refused in registry.find_readers().refused if own in refused.folder.parents]


def _install(site: Path, name: str, value: str) -> None:
    information = site / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[aimis.readers]\n{name} = {value}\n")


@pytest.mark.parametrize("package", ["shining", "shining.inner.two"])
def test_installed_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    folder = copy_of_two_entries(tmp_path / "site" / Path(*package.split(".")))
    for around in (folder.path, *folder.path.parents):
        if around == tmp_path / "site":
            break
        (around / "__init__.py").write_text("raise RuntimeError('imported')")
    _install(tmp_path / "site", "shining", package)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert registry.find_readers().manifests["brightness"].folder == folder.path.resolve()
    assert "shining" not in sys.modules


@pytest.mark.parametrize("value", ["absent", "absent.inner", "json", "json.inner"])
def test_installed_package_without_a_manifest_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    _install(tmp_path / "site", "hollow", value)
    monkeypatch.syspath_prepend(tmp_path / "site")
    whys = [refused.why for refused in registry.find_readers().refused]
    assert f"entry point hollow: the package {value} holds no reader.toml; install it again" in whys


def test_site_thresholds_hold_for_both_readers_of_a_folder(folder: Folder) -> None:
    found = registry.find_readers([folder.path])
    own = found.with_thresholds({"brightness": {"bright-picture": 0.9}, "colour-cast": {"red-picture": 0.8}})
    assert own.manifests["brightness"] is own.manifests["colour-cast"]
    assert own.manifests["brightness"].reader("brightness").finding("bright-picture").threshold("screening") == 0.9
    assert own.manifests["brightness"].reader("colour-cast").finding("red-picture").threshold("screening") == 0.8
    assert own.refused == found.refused


def test_site_threshold_for_a_reader_that_is_not_found_is_refused(folder: Folder) -> None:
    with pytest.raises(UsageError, match=r"reader 'heart', which is not found; found: .*brightness"):
        registry.find_readers([folder.path]).with_thresholds({"heart": {"big": 0.5}})


def test_finding_imports_nothing_heavy(folder: Folder) -> None:
    program = (
        "import sys; from pathlib import Path; from aimis.readers import registry\n"
        f"assert 'brightness' in registry.find_readers([Path({str(folder.path)!r})]).manifests\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "aimis.readers.registry" in loaded
    assert not loaded & {"numpy", "cv2", "openvino", "onnxruntime", "PIL", "pydicom"}
