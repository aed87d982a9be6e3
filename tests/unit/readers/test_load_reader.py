"""A folder's code is loaded under a name of its own, and whatever it does wrong becomes a refusal."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aimis.domain.errors import EngineError, ReaderRefusedError, UsageError
from aimis.domain.reading import Status
from aimis.imaging.still import Still
from aimis.inference import engine
from aimis.inference.memory import FunctionEngine
from aimis.readers import registry

from .conftest import Folder, copy_of_two_entries

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from aimis.inference.engine import Engine, Precision
    from aimis.readers.port import StillReader


def _still(red: int, green: int, blue: int) -> Still:
    rgb = np.full((20, 30, 3), (red, green, blue), dtype=np.uint8)
    return Still(rgb=rgb, full_size_px=(30, 20))


def _zero_engine(_: Path, *, precision: Precision = "auto", outputs: Collection[str] = ()) -> Engine:
    return FunctionEngine(function=lambda _: {"logits": np.zeros((1, 3), dtype=np.float32)})


def _load(folder: Folder, *ids: str, point: str = "balanced") -> StillReader:
    manifest = registry.check_folder(folder.path)
    return registry.load_reader(manifest, ids or manifest.reader_ids, point, _zero_engine)


def _refusal(folder: Folder) -> str:
    with pytest.raises(ReaderRefusedError) as caught:
        _load(folder)
    assert str(folder.path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
def test_reader_reads_with_its_network(folder: Folder, kind: engine.Kind) -> None:
    manifest = registry.check_folder(folder.path)
    open_engine = partial(engine.open_engine, kind=kind, precision="f32")
    reader = registry.load_reader(manifest, manifest.reader_ids, "balanced", open_engine)
    outcomes = reader.read(_still(250, 10, 10))
    present = {finding.name: finding.present for outcome in outcomes.values() for finding in outcome.findings}
    assert present == {"bright-picture": False, "red-picture": True, "green-picture": False}
    assert {outcome.status for outcome in outcomes.values()} == {Status.READ}
    assert reader.engine.startswith(kind)


def test_reader_is_loaded_for_the_ids_asked_for_alone(folder: Folder) -> None:
    assert set(_load(folder, "colour-cast").read(_still(1, 2, 3))) == {"colour-cast"}


def test_operating_point_reaches_the_reader(folder: Folder) -> None:
    # the probability at logit 0 is 0.5: at or above the thresholds of screening and balanced, below specific
    for point, present in (("screening", True), ("balanced", True), ("specific", False)):
        outcome = _load(folder, "brightness", point=point).read(_still(1, 2, 3))["brightness"]
        assert outcome.findings[0].present is present


def test_unknown_id_or_operating_point_is_wrong_usage(folder: Folder) -> None:
    with pytest.raises(UsageError, match="no reader 'heart'"):
        _load(folder, "heart")
    with pytest.raises(UsageError, match="no operating point 'brave'"):
        _load(folder, point="brave")


@pytest.mark.parametrize("with_init", [True, False])
def test_imports_relative_to_the_folder_work(folder: Folder, with_init: bool) -> None:
    (folder.path / "inner").mkdir()
    (folder.path / "inner" / "places.py").write_text("from ..tables import OUTPUTS\n")
    (folder.path / "tables.py").write_text("OUTPUTS = {'bright-picture': 0, 'red-picture': 1, 'green-picture': 2}\n")
    folder.replace("read.py", "OUTPUTS = {", "from .inner.places import OUTPUTS\n_ = {")
    if with_init:
        (folder.path / "__init__.py").write_text("from . import tables\n")
    assert len(_load(folder).read(_still(1, 2, 3))) == 2


def test_folders_with_modules_of_the_same_name_do_not_meet(folder: Folder, tmp_path: Path) -> None:
    other = copy_of_two_entries(tmp_path / "other")
    other.replace("read.py", "class ColourReader", "class OtherReader")
    other.replace("read.py", "return ColourReader", "return OtherReader")
    one, two = _load(folder), _load(other)
    assert (type(one).__name__, type(two).__name__) == ("ColourReader", "OtherReader")
    assert type(one).__module__ != type(two).__module__
    assert type(one).__module__.startswith("aimis_reader_")
    assert "read" not in sys.modules


def test_folder_loaded_twice_or_by_many_threads_is_imported_once(folder: Folder) -> None:
    with ThreadPoolExecutor(8) as pool:
        kinds = set(pool.map(lambda _: type(_load(folder)), range(16)))
    assert len(kinds) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("import cv2", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import cv2", "import cv2 cv2", "SyntaxError"),
        ("import cv2", "import cv2; raise SystemExit(3)", "SystemExit: 3"),
        ("import cv2", "import cv2; 1 / 0", "ZeroDivisionError: division by zero"),
        ("def load(", "def loads(", "AttributeError"),
        ("entries = tuple(", "raise KeyError('cuts')\n    entries = tuple(", "KeyError: 'cuts'"),
    ],
)
def test_code_that_fails_is_refused_with_its_cause(folder: Folder, old: str, new: str, told: str) -> None:
    folder.replace("read.py", old, new)
    text = _refusal(folder)
    assert told in text
    assert "entry read:load failed" in text


@pytest.mark.parametrize("given", ["None", "object()", "load"])
def test_entry_that_gives_no_reader_is_refused(folder: Folder, given: str) -> None:
    folder.replace("read.py", "return ColourReader(", f"return {given}\n    return ColourReader(")
    assert "read:load gave no reader" in _refusal(folder)


def test_folder_mended_after_a_failure_can_be_loaded(folder: Folder) -> None:
    (folder.path / "__init__.py").write_text("raise ValueError('not yet')")
    assert "ValueError: not yet" in _refusal(folder)
    (folder.path / "__init__.py").write_text("")
    folder.replace("read.py", "import cv2", "import cv2\n\nfrom . import broken")
    (folder.path / "broken.py").write_text("raise ValueError('still not')  # longer than what follows")
    assert "ValueError: still not" in _refusal(folder)
    (folder.path / "broken.py").write_text("")
    assert _load(folder)


def test_engine_that_cannot_be_opened_keeps_its_own_error(folder: Folder) -> None:
    def refuse(_: Path, *, precision: Precision = "auto", outputs: Collection[str] = ()) -> Engine:
        raise EngineError("no such device")

    manifest = registry.check_folder(folder.path)
    with pytest.raises(EngineError, match="no such device"):
        registry.load_reader(manifest, manifest.reader_ids, "balanced", refuse)
