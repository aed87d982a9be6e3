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

from aimis.domain.reading import Laterality, Outcome, Reason, Status
from aimis.imaging.still import Still
from aimis.reports import json as records
from aimis.reports import overlay, write
from aimis.reports.case import Case, Eye, stem_of
from aimis.reports.texts import Texts, reader_texts
from tests.unit.reports import endoscopies
from tests.unit.reports.samples import FUNDUS_TEXTS, NORMAL, REFERABLE, SIZE, eye, photograph, readings, refused, texts

pytestmark = pytest.mark.integration

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


def test_examination_is_json_html_pdf_and_a_montage(tmp_path: Path) -> None:
    made = endoscopies.reading(endoscopies.stills())
    written = write.write_examination(tmp_path / "new", made, endoscopies.pictures([0, 1]), endoscopies.words())
    assert written.montage is not None
    assert set(files(tmp_path / "new")) == {f.name for f in (written.json, written.html, written.pdf, written.montage)}
    assert written.json.stem == stem_of(made.source)
    assert written.montage.name == f"{stem_of(made.source)}-montage.jpg"
    document = json.loads(written.json.read_text(encoding="utf-8"))
    assert [records.from_record(record) for record in document["records"]] == [made]
    assert document["verdicts"][0]["level"] == "soon"


def test_examination_is_written_the_same_and_over_itself(tmp_path: Path) -> None:
    made, pictures = endoscopies.reading(endoscopies.video()), endoscopies.pictures([1320])
    for folder in ("a", "b", "a"):
        write.write_examination(tmp_path / folder, made, pictures, endoscopies.words("zh"))
    assert files(tmp_path / "a") == files(tmp_path / "b")


def red_square() -> Still:
    rgb = np.zeros((240, 320, 3), dtype=np.uint8)
    rgb[20:60, 20:60, 0] = 255
    return Still(rgb=rgb, full_size_px=endoscopies.SIZE)


@pytest.mark.parametrize("count", [1, 4, 5, 8])
def test_montage_shows_every_key_frame_at_hand(tmp_path: Path, count: int) -> None:
    made = endoscopies.reading(endoscopies.stills(12, count))
    folder, shown = tmp_path / str(count), {n: red_square() for n in range(count)}
    written = write.write_examination(folder, made, shown, endoscopies.words())
    assert written.montage is not None
    rgb = cv2.imdecode(np.frombuffer(written.montage.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert rgb is not None
    red = (rgb[..., 0].astype(int) - rgb[..., 2] > 120).astype(np.uint8)
    areas, _, stats, _ = cv2.connectedComponentsWithStats(red)
    assert sum(stats[1:areas, cv2.CC_STAT_AREA] > 200) == count


def test_examination_without_pictures_has_no_montage(tmp_path: Path) -> None:
    made = endoscopies.refused(Status.FAILED)
    assert write.write_examination(tmp_path, made, {}, endoscopies.words()).montage is None


def still(*said: tuple[str, Outcome]) -> Case:
    """One endoscopic picture and what readers say of it."""
    first = readings(dict(said), "stills/1.jpg")
    return Case(eyes=(Eye(readings=first, photograph=photograph()),))


GULLET = Outcome(status=Status.READ, findings=endoscopies.findings(0.9), advice=("second-look",))
STRANGE = Outcome(status=Status.UNSUPPORTED, reason=Reason.of("not-a-fundus-photograph"))


def test_endoscopic_still_is_told_as_one_with_its_lesion_outlined(tmp_path: Path) -> None:
    case = still(("fundus-disease", STRANGE), ("oesophagus", GULLET))
    written = write.write_report(tmp_path, case, Texts("en", endoscopies.OWN))
    shown = written.html.read_text(encoding="utf-8")
    assert "Endoscopic examination reading" in shown
    assert "Outlined: Oesophageal neoplasia (0.90)" in shown
    assert "fundus" not in shown
    assert len(json.loads(written.json.read_text(encoding="utf-8"))["readings"]) == 2, "the JSON keeps every reader"


def test_eye_that_is_no_endoscopy_is_told_as_an_eye(tmp_path: Path) -> None:
    case = still(*NORMAL.items(), ("oesophagus", STRANGE))
    written = write.write_report(tmp_path, case, texts_of_both())
    assert json.loads(written.json.read_text(encoding="utf-8"))["verdicts"][0]["level"] == "none"
    assert "Fundus photograph reading" in written.html.read_text(encoding="utf-8")


def test_picture_that_no_reader_knows_is_told_as_a_picture(tmp_path: Path) -> None:
    case = still(("fundus-disease", STRANGE), ("oesophagus", STRANGE))
    shown = write.write_report(tmp_path, case, texts_of_both()).html.read_text(encoding="utf-8")
    assert "Picture reading" in shown
    assert "vision" not in shown


def texts_of_both() -> Texts:
    return Texts("en", reader_texts([FUNDUS_TEXTS]) | {"en": {**reader_texts([FUNDUS_TEXTS])["en"], **MERGED}})


MERGED = {"reader": endoscopies.OWN["en"]["reader"]}


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
