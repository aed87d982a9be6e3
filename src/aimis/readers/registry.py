"""Finds the readers' folders, refuses those that do not hold what they say, and loads the code of those chosen.

Finding imports nothing heavy and none of the folders' code. Loading a reader runs its code: whoever sets
AIMIS_READERS_PATH or installs a package trusts what is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tomllib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module, metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

from aimis.domain.errors import AimisError, ReaderRefusedError, UsageError
from aimis.readers import manifest as manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aimis.readers.manifest import Manifest, Overrides, WeightsFile
    from aimis.readers.port import LoadReader, OpenEngine, StillReader

ENTRY_POINT_GROUP = "aimis.readers"
PATH_VARIABLE = "AIMIS_READERS_PATH"

_OWN_FOLDER = Path(__file__).resolve().parent
_importing = Lock()


class Refused(NamedTuple):
    """A folder that is not offered: `why` names the key or file and what to do."""

    folder: Path
    why: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is to read with.

    manifests : by reader id, in the order found; readers of one folder share one manifest
    refused : folders, packages and paths that were named but cannot be used
    """

    manifests: Mapping[str, Manifest]
    refused: tuple[Refused, ...] = ()

    def with_thresholds(self, overrides: Overrides) -> Found:
        """With a site's own decisions; UsageError for a reader, finding or threshold that cannot be."""
        for reader_id in overrides:
            if reader_id not in self.manifests:
                known = ", ".join(self.manifests) or "none"
                raise UsageError(f"thresholds are set for the reader {reader_id!r}, which is not found; found: {known}")
        decided = {id(m): manifests.with_thresholds(m, overrides) for m in self.manifests.values()}
        return Found(manifests={i: decided[id(m)] for i, m in self.manifests.items()}, refused=self.refused)


def find_readers(extra: Sequence[Path] = ()) -> Found:
    """The readers of this package, of installed packages, of AIMIS_READERS_PATH and of `extra`, in that order."""
    found: dict[str, Manifest] = {}
    refused: list[Refused] = []
    seen: set[Path] = set()
    for candidate in _candidates(extra):
        if isinstance(candidate, Refused):
            refused.append(candidate)
        elif candidate.resolve() not in seen:
            seen.add(candidate.resolve())
            try:
                _add(check_folder(candidate), found)
            except ReaderRefusedError as error:
                refused.append(Refused(candidate, str(error)))
    return Found(manifests=found, refused=tuple(refused))


def check_folder(folder: Path) -> Manifest:
    """The manifest of a folder that holds all it says; ReaderRefusedError names what does not hold."""
    manifest = manifests.read_manifest(folder)
    _check_weights(manifest)
    _check_card(manifest)
    _check_texts(manifest)
    _check_entry(manifest)
    return manifest


def load_reader(
    manifest: Manifest, reader_ids: Iterable[str], operating_point: str, open_engine: OpenEngine
) -> StillReader:
    """The reader of a folder for some of its ids; runs the folder's code.

    UsageError: an id or an operating point that the manifest does not have
    ReaderRefusedError: the code cannot be imported, fails, or gives no reader
    EngineError: the network cannot be opened with the settings in use
    """
    wanted = frozenset(reader_ids)
    for reader_id in sorted(wanted):
        manifest.reader(reader_id)
    manifests.check_operating_point(operating_point)
    try:
        reader = _entry(manifest)(manifest, wanted, operating_point, open_engine)
    except AimisError:
        raise
    except (Exception, SystemExit) as error:  # the folder's code is not ours: whatever it raises must not end the rest
        what = f"{type(error).__name__}: {error}"
        raise ReaderRefusedError(f"{manifest.folder}: entry {manifest.entry} failed: {what}. Mend its code") from error
    reads = any(callable(getattr(reader, method, None)) for method in ("read", "read_volume"))
    if not reads or not isinstance(getattr(reader, "engine", None), str):
        what = "a `read` or `read_volume` method and an `engine` text"
        raise _refusal(manifest, "entry", f"{manifest.entry} gave no reader ({what})")
    return reader


def _add(manifest: Manifest, found: dict[str, Manifest]) -> None:
    """All readers of a folder or none."""
    for reader_id in manifest.reader_ids:
        if reader_id in found:
            other = found[reader_id].folder
            raise _refusal(manifest, "readers.id", f"{reader_id} is already given by {other}; remove one of the two")
    found.update(dict.fromkeys(manifest.reader_ids, manifest))


def _candidates(extra: Sequence[Path]) -> Iterator[Path | Refused]:
    yield from _folders_in(_OWN_FOLDER)
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        yield _package_folder(point)
    named = [Path(part).expanduser() for part in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    for path in (*named, *extra):
        folders = [path] if (path / manifests.FILE_NAME).is_file() else list(_folders_in(path))
        yield from folders
        if not folders:
            yield Refused(path, f"{path} holds no {manifests.FILE_NAME}, nor does a folder in it; mend the path")


def _folders_in(path: Path) -> Iterator[Path]:
    return (file.parent for file in sorted(path.glob(f"*/{manifests.FILE_NAME}")))


def _package_folder(point: metadata.EntryPoint) -> Path | Refused:
    """Where an installed package lies, found without importing it or a package around it."""
    first, *rest = point.module.split(".")
    try:
        spec = find_spec(first)
    except (ImportError, ValueError):  # a half-removed package
        spec = None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place, *rest)
        if (folder / manifests.FILE_NAME).is_file():
            return folder
    why = f"entry point {point.name}: the package {point.module} holds no {manifests.FILE_NAME}; install it again"
    return Refused(Path(*point.module.split(".")), why)


def _check_weights(manifest: Manifest) -> None:
    weights = manifest.weights
    if weights.licence_file is not None and not (manifest.folder / weights.licence_file).is_file():
        raise _refusal(
            manifest, "weights.licence_file", f"{weights.licence_file} is not there; put the licence's text there"
        )
    for key, file in (("weights", weights), *((f"weights.also.{name}", each) for name, each in weights.also.items())):
        _check_file(manifest, key, file)


def _check_file(manifest: Manifest, key: str, stated: WeightsFile) -> None:
    path = manifest.folder / stated.file
    try:
        state = path.stat()
        if stated.bytes not in (None, state.st_size):
            raise _refusal(
                manifest, f"{key}.bytes", f"{path.name} has {state.st_size} bytes, not {stated.bytes}; fetch it again"
            )
        digest = _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise _refusal(
            manifest, f"{key}.file", f"{path} cannot be read ({error.strerror}); put the weights there"
        ) from error
    if digest != stated.sha256:
        raise _refusal(
            manifest,
            f"{key}.sha256",
            f"{path.name} has {digest}; fetch the weights again, or state this if they are right",
        )


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001  size and time belong to the cache's key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_card(manifest: Manifest) -> None:
    """One line of the model card names each reader's id together with its version."""
    lines = _text(manifest, "readers", manifest.card_path).splitlines()
    for reader in manifest.readers:
        name, version = (re.compile(rf"(?<![\w.+-]){re.escape(t)}(?![\w+-]|\.\w)") for t in (reader.id, reader.version))
        if not any(name.search(line) and version.search(line) for line in lines):
            wanted = f"{manifest.card_path.name} has no line that names {reader.id} and {reader.version}"
            raise _refusal(manifest, "readers.version", f"{wanted}; bring the card up to date")


def _check_texts(manifest: Manifest) -> None:
    """Every text file can be read; the English one has a title for each reader and finding."""
    tables = {language: _table(manifest, language, path) for language, path in manifest.text_paths.items()}
    wanted = [("reader", reader.id) for reader in manifest.readers]
    wanted += [("findings", finding.name) for reader in manifest.readers for finding in reader.findings]
    for kind, name in wanted:
        table = tables["en"].get(kind)
        if not isinstance(table, dict) or not isinstance(table.get(name), dict) or "title" not in table[name]:
            raise _refusal(manifest, "texts.en", f"{manifest.texts['en']} has no title in [{kind}.{name}]; write one")


def _table(manifest: Manifest, language: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(_text(manifest, f"texts.{language}", path))
    except tomllib.TOMLDecodeError as error:
        raise _refusal(manifest, f"texts.{language}", f"{path.name} is no TOML: {error}; mend it") from error


def _text(manifest: Manifest, key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _refusal(manifest, key, f"{path} cannot be read ({error.strerror}); put it there") from error
    except UnicodeDecodeError as error:
        raise _refusal(manifest, key, f"{path} is not UTF-8; save it as UTF-8") from error


def _check_entry(manifest: Manifest) -> None:
    path = manifest.folder.joinpath(*manifest.entry.partition(":")[0].split("."))
    if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
        raise _refusal(
            manifest, "entry", f"there is no {path.with_suffix('.py')}; name the module that loads the reader"
        )


def _refusal(manifest: Manifest, key: str, why: str) -> ReaderRefusedError:
    return ReaderRefusedError(f"{manifest.folder / manifests.FILE_NAME}: {key}: {why}")


def _entry(manifest: Manifest) -> LoadReader:
    module, _, function = manifest.entry.partition(":")
    with _importing:
        package = _package(manifest.folder)
        with _forgotten_on_error(package):
            return cast("LoadReader", getattr(import_module(f"{package}.{module}"), function))


def _package(folder: Path) -> str:
    """The name that a folder's code is imported under: its own inside this package, else one of its path alone."""
    if folder.parent == _OWN_FOLDER:
        return f"{__package__}.{folder.name}"
    name = f"aimis_reader_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    if name not in sys.modules:
        _import_package(name, folder)
    return name


def _import_package(name: str, folder: Path) -> None:
    """The folder as a package, with or without an `__init__.py`, so that imports relative to it work."""
    file = folder / "__init__.py"
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(folder)]) if file.is_file() else None
    if spec is None or spec.loader is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    module = module_from_spec(spec)
    sys.modules[name] = module
    if spec.loader is not None:
        with _forgotten_on_error(name):
            spec.loader.exec_module(module)


@contextmanager
def _forgotten_on_error(package: str) -> Iterator[None]:
    """So that a mended folder can be tried again, and no half-imported module is met."""
    with ExitStack() as undo:
        undo.callback(_forget, package)
        yield
        undo.pop_all()


def _forget(package: str) -> None:
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]
