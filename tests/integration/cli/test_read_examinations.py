"""`aimis read` of examinations and videos: interface, table, reports, resuming, and what readers take."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aimis.console.progress import Counting
from aimis.inference import engine
from tests.fakes.examinations import write_stills, write_video
from tests.integration.cli.conftest import FIXTURES, READERS, Run, lines

pytestmark = pytest.mark.integration
EXAMINER = ("--reader", "examiner")
INTERFACE = {"path", "reader", "reader_version", "status", "reason", "seconds", "findings", "site"}
EXTRAS = {"kind", "video_seconds", "frames", "key_frames", "stations", "tracks", "frame_records"}


@pytest.fixture(autouse=True)
def _both_kinds_of_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (FIXTURES / "two-entries", FIXTURES / "examiner")
    monkeypatch.setenv("AIMIS_READERS_PATH", os.pathsep.join(map(str, folders)))


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    return write_stills(tmp_path / "exam", 11, lesions=(2, 10))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "v.mp4")


def only(run: Run, *arguments: object) -> dict[str, Any]:
    (line,) = lines(run("read", *arguments, "--json"))
    return line


def test_stills_of_a_folder_are_one_examination_in_natural_order(run: Run, stills: Path) -> None:
    said = only(run, "--exam", stills, *EXAMINER)
    assert said.keys() >= INTERFACE | EXTRAS
    assert (said["path"], said["reader"], said["status"], said["kind"]) == (str(stills), "examiner", "read", "stills")
    assert [frame["name"] for frame in said["frame_records"]] == [f"image{n}.jpg" for n in range(11)]
    assert said["frames"] == {"judged": 11, "not_judged": 0, "unsupported": 0}
    assert set(said["key_frames"][:2]) == {2, 10}
    assert {region["frame"] for region in said["findings"][0]["regions"]} == {2, 10}
    assert said["findings"][0]["regions"][0]["outline_px"]


def test_broken_still_is_a_frame_that_failed_and_the_examination_is_read(run: Run, stills: Path) -> None:
    (stills / "image3.jpg").write_bytes(b"\xff\xd8\xff no picture")
    result = run("read", "--exam", stills, *EXAMINER, "--json")
    (said,) = lines(result)
    assert said["frames"] == {"judged": 10, "not_judged": 1, "unsupported": 0}
    assert (said["frame_records"][3]["status"], result.exit_code) == ("failed", 0)
    assert said["frame_records"][3]["reason"]


def test_examination_of_which_nothing_can_be_read_is_no_normal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "a.jpg").write_bytes(b"")
    result = run("read", "--exam", tmp_path / "exam", *EXAMINER, "--json")
    (said,) = lines(result)
    assert (said["status"], said["findings"], result.exit_code) == ("failed", [], 3)
    assert said["reason"]


def test_stills_without_exam_are_read_by_themselves(run: Run, stills: Path) -> None:
    said = lines(run("read", stills, *EXAMINER, "--json"))
    assert len(said) == 11
    assert not EXTRAS & said[0].keys()


def test_video_is_one_examination_with_its_seconds_and_tracks(run: Run, video: Path) -> None:
    said = only(run, video, *EXAMINER)
    assert (said["path"], said["kind"], said["status"]) == (str(video), "video", "read")
    assert said["video_seconds"] == pytest.approx(3, abs=0.1)
    assert said["findings"][0]["present"]
    (track,) = said["tracks"]
    assert track["first_seconds"] == pytest.approx(1, abs=0.3)
    assert track["last_seconds"] == pytest.approx(2, abs=0.3)
    assert [frame["seconds"] for frame in said["frame_records"]] == sorted(f["seconds"] for f in said["frame_records"])


def test_examination_goes_to_readers_of_examinations_alone(run: Run, stills: Path, video: Path) -> None:
    for arguments in (("--exam", stills), (video,)):
        said = lines(run("read", *arguments, "--json", *EXAMINER, *READERS))
        assert [line["reader"] for line in said] == ["examiner"]


def test_exam_for_readers_that_take_none_is_wrong_usage(run: Run, stills: Path) -> None:
    result = run("read", "--exam", stills, "--json", *READERS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "brightness" in result.stderr


def test_video_for_readers_that_take_none_is_unsupported(run: Run, video: Path) -> None:
    result = run("read", video, "--json", *READERS)
    assert {line["status"] for line in lines(result)} == {"unsupported"}
    assert result.exit_code == 3


@pytest.mark.parametrize(("language", "said"), [("en", "10 of 11 frames"), ("zh", "11 帧中的 10 帧")])
def test_table_shows_findings_frames_to_look_at_and_stations(run: Run, stills: Path, language: str, said: str) -> None:
    (stills / "image3.jpg").write_bytes(b"")
    result = run("read", "--exam", stills, *EXAMINER, "--language", language)
    for word in (said, "image10.jpg", "0.950", "oesophagus (10)", "antrum"):
        assert word in result.stdout
    assert result.exit_code == 0


def test_many_examinations_have_a_row_each_and_are_counted(run: Run, tmp_path: Path) -> None:
    folders = [write_stills(tmp_path / f"exam{n}", 2, lesions=(1,)) for n in range(4)]
    result = run("read", "--exam", *folders, *EXAMINER)
    assert result.stdout.count("2 frames") == 4
    assert "4 examinations in" in result.stdout


def test_report_is_written_and_resumed_without_reading_again(run: Run, stills: Path, tmp_path: Path) -> None:
    asked = ("read", "--exam", stills, *EXAMINER, "--json", "--report", tmp_path / "out")
    first = run(*asked)
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert {Path(name).suffix for name in written} == {".pdf", ".html", ".json", ".jpg", ".jsonl"}
    again = run(*asked, "--resume")
    assert again.stdout == first.stdout, "to the last digit of the seconds: recalled, not read"
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == written


@pytest.mark.parametrize("exam", [True, False])
def test_resumed_run_and_report_command_write_the_same_report_again(
    run: Run, stills: Path, video: Path, tmp_path: Path, exam: bool
) -> None:
    out, anew = tmp_path / "out", tmp_path / "anew"
    asked = ("read", *(("--exam", stills) if exam else (video,)), *EXAMINER, "--report", out)
    run(*asked)
    (document,) = out.glob("*.json")
    (montage,) = out.glob("*-montage.jpg")
    before = montage.read_bytes()
    for path in (document, montage):
        path.unlink()
    assert run(*asked, "--resume").exit_code == 0
    assert montage.read_bytes() == before
    assert run("report", out / "readings.jsonl", anew).exit_code == 0
    assert (anew / montage.name).read_bytes() == before


def test_report_command_names_an_examination_that_has_changed(run: Run, stills: Path, tmp_path: Path) -> None:
    run("read", "--exam", stills, *EXAMINER, "--report", tmp_path / "out")
    (stills / "image2.jpg").unlink()
    result = run("report", tmp_path / "out" / "readings.jsonl", tmp_path / "anew")
    assert result.exit_code == 3
    assert str(stills) in result.stderr.replace("\n", "")
    assert list((tmp_path / "anew").glob("*.pdf"))


def test_changed_examination_is_read_again(run: Run, stills: Path, tmp_path: Path) -> None:
    asked = ("read", "--exam", stills, *EXAMINER, "--json", "--report", tmp_path / "out")
    run(*asked)
    (stills / "image0.jpg").unlink()
    assert len(only(run, *asked[1:-3], "--report", tmp_path / "out", "--resume")["frame_records"]) == 10


def test_picture_that_one_reader_read_folds_away_those_it_is_not_for(run: Run, tmp_path: Path) -> None:
    folder = write_stills(tmp_path / "one", 1)
    named = ("--reader", "examiner", "--reader", "diabetic-retinopathy")
    result = run("read", folder, *named)
    assert "Outside the use of: Diabetic retinopathy" in result.stdout
    assert result.exit_code == 0
    statuses = [line["status"] for line in lines(run("read", folder, *named, "--json"))]
    assert sorted(statuses) == ["read", "unsupported"]


def test_network_is_opened_only_where_its_reader_has_something_to_read(
    run: Run, stills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(engine, "open_engine", refuse)
    assert only(run, "--exam", stills, *EXAMINER, *READERS)["reader"] == "examiner"


def test_progress_counts_the_frames_of_the_examination_at_hand(
    run: Run, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int | None]] = []
    monkeypatch.setattr(Counting, "frames", lambda _self, done, expected: told.append((done, expected)))
    said = only(run, video, *EXAMINER)
    assert [done for done, _ in told] == list(range(1, len(said["frame_records"]) + 1))
    assert {expected for _, expected in told} == {12}


def test_any_number_of_jobs_reads_the_same(run: Run, stills: Path, video: Path) -> None:
    def said(jobs: int) -> list[str]:
        both = lines(run("read", "--exam", stills, video, "--json", *EXAMINER, "--jobs", jobs))
        return [json.dumps({**line, "seconds": 0}) for line in both]

    assert said(1) == said(2) == said(5)
