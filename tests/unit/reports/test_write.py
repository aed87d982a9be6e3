"""The files of a report."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from aimis.domain.reading import Laterality, Status
from aimis.reports import json as records
from aimis.reports import overlay, write
from aimis.reports.case import Case
from tests.unit.reports.samples import NORMAL, REFERABLE, SIZE, eye, photograph, refused, texts

PAIR = Case(
    eyes=(eye(REFERABLE, "7_right.jpg", side=Laterality.RIGHT), eye(NORMAL, "7_left.jpg", side=Laterality.LEFT))
)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_report_is_json_html_pdf_and_an_overlay_for_each_eye(tmp_path: Path) -> None:
    written = write.write_report(tmp_path / "new" / "folder", PAIR, texts())
    names = {"json", "html", "pdf"}
    assert {file.suffix[1:] for file in (written.json, written.html, written.pdf)} == names
    assert [file.name.removeprefix(PAIR.stem) for file in written.overlays] == [
        "-right-overlay.jpg",
        "-left-overlay.jpg",
    ]
    assert set(files(tmp_path / "new" / "folder")) == {
        file.name for file in (written.json, written.html, written.pdf, *written.overlays)
    }


def test_same_case_is_written_the_same_and_over_itself(tmp_path: Path) -> None:
    write.write_report(tmp_path / "a", PAIR, texts())
    write.write_report(tmp_path / "b", PAIR, texts())
    first = files(tmp_path / "a")
    write.write_report(tmp_path / "a", PAIR, texts())
    assert files(tmp_path / "a") == first == files(tmp_path / "b")


def test_json_holds_what_is_printed_and_the_readings_whole(tmp_path: Path) -> None:
    written = write.write_report(tmp_path, PAIR, texts())
    document = json.loads(written.json.read_text(encoding="utf-8"))
    readings = [reading for one in PAIR.eyes for reading in one.readings]
    assert document["readings"] == [records.to_interface(reading, texts()) for reading in readings]
    assert [records.from_record(record) for record in document["records"]] == readings
    assert [verdict["level"] for verdict in document["verdicts"]] == ["soon", "none"]
    assert document["advice"][0]["citation"]


def test_overlay_is_the_photograph_with_words_below(tmp_path: Path) -> None:
    written = write.write_report(tmp_path, PAIR, texts())
    for file in written.overlays:
        picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert picture is not None
        factor = picture.shape[1] // SIZE[0]
        assert picture.shape[1] == SIZE[0] * factor
        strip = picture[SIZE[1] * factor + 4 :]
        assert strip.min() < 80, "black"
        assert strip.max() > 240, "on white"
    undrawn = cv2.imdecode(np.frombuffer(written.overlays[1].read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert undrawn is not None
    assert np.abs(undrawn[: SIZE[1]].astype(int) - photograph()).mean() < 8, "nothing drawn over a normal eye"


def test_case_without_a_picture_has_no_overlay(tmp_path: Path) -> None:
    lost = Case(eyes=(eye(refused(Status.FAILED, "truncated"), "lost.jpg", decoded=False),))
    assert write.write_report(tmp_path, lost, texts("zh")).overlays == ()


@pytest.mark.parametrize("path", ["../../../etc/passwd.jpg", "/", "..", "C:\\x\\..\\y.jpg", "\x00.jpg", "a\udcff.jpg"])
def test_nothing_is_written_outside_the_folder(tmp_path: Path, path: str) -> None:
    inside = tmp_path / "deep" / "report"
    written = write.write_report(inside, Case(eyes=(eye(NORMAL, path),)), texts())
    assert {file.parent for file in (written.json, written.html, written.pdf, *written.overlays)} == {inside}
    assert [file for file in tmp_path.rglob("*") if file.is_file() and file.parent != inside] == []


def test_pixels_are_let_go_with_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    draw = overlay.draw

    def note(*given: Any) -> npt.NDArray[np.uint8]:
        made = draw(*given)
        drawn.append(weakref.ref(made))
        return made

    monkeypatch.setattr(overlay, "draw", note)
    gc.disable()  # a folder of thousands must not wait for the collector
    try:
        write.write_report(tmp_path, PAIR, texts())
        assert [reference() is None for reference in drawn] == [True]
    finally:
        gc.enable()


def test_interrupted_writing_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write.write_report(tmp_path, PAIR, texts())
    assert files(tmp_path) == {}


def test_json_is_placed_last_so_that_its_presence_says_the_report_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []
    replace = Path.replace

    def note(self: Path, target: Path) -> Path:
        placed.append(target.suffix)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    write.write_report(tmp_path, PAIR, texts())
    assert placed[-1] == ".json"
