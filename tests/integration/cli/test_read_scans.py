"""`aimis read` of CTs: interface, table, reports, comparing, resuming, and what goes to which reader."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimis.console.progress import Counting
from aimis.inference import engine
from tests.fakes import ct
from tests.integration.cli.conftest import FIXTURES, READERS, Run, lines, picture

pytestmark = pytest.mark.integration
SPOTTER = ("--reader", "spotter")
INTERFACE = {"path", "reader", "reader_version", "status", "reason", "seconds", "findings", "scan"}
CANDIDATE = {"name", "centre_lps_mm", "diameter_mm", "probability", "malignancy_probability", "present"}
NODULE = ct.Ball(lps_mm=(-78.0, -40.0, 150.0), diameter_mm=12.0)
GROWN = ct.Ball(lps_mm=(-78.0, -40.0, 150.0), diameter_mm=17.0)
OTHER = ct.Ball(lps_mm=(85.0, 30.0, 180.0), diameter_mm=11.0)


def written(folder: Path, *nodules: ct.Ball, date: str = "2026-03-01", patient: str = "P-17") -> Path:
    """A folder of DICOM slices of a drawn chest without vessels."""
    scan = ct.scan(nodules=nodules, vessels=0)
    dated = replace(scan, patient_id=patient, series=replace(scan.series, date=date))
    return ct.write_dicom(folder, dated, ct.Writing(study_uid=f"1.2.3.{date.replace('-', '')}"))


@pytest.fixture(autouse=True)
def _all_kinds_of_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (FIXTURES / "two-entries", FIXTURES / "examiner", FIXTURES / "spotter")
    monkeypatch.setenv("AIMIS_READERS_PATH", os.pathsep.join(map(str, folders)))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The new scan and an old one, drawn once; tests that change them take a copy."""
    folder = tmp_path_factory.mktemp("drawn")
    written(folder / "new", GROWN, OTHER)
    written(folder / "old", NODULE, date="2025-03-01")
    return folder


@pytest.fixture
def new(drawn: Path) -> Path:
    return drawn / "new"


@pytest.fixture
def old(drawn: Path) -> Path:
    return drawn / "old"


def only(run: Run, *arguments: object) -> dict[str, Any]:
    (line,) = lines(run("read", *arguments, "--json"))
    return line


def present(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in said["findings"] if finding["present"]]


def test_slices_of_a_folder_are_one_scan_with_a_finding_a_candidate(run: Run, new: Path) -> None:
    said = only(run, new, *SPOTTER)
    assert said.keys() >= INTERFACE
    assert (said["path"], said["reader"], said["status"]) == (str(new), "spotter", "read")
    assert all(finding.keys() >= CANDIDATE for finding in said["findings"])
    for nodule in (GROWN, OTHER):
        assert min(math.dist(finding["centre_lps_mm"], nodule.lps_mm) for finding in present(said)) < 2
    assert said["scan"]["shape_zyx"] == [100, 128, 128]


def test_scan_goes_to_readers_of_volumes_alone_and_pictures_to_the_others(run: Run, new: Path, tmp_path: Path) -> None:
    still = picture(tmp_path / "a.png", (200, 40, 20))
    said = lines(run("read", new, still, "--json", *SPOTTER, *READERS))
    assert [(line["path"], line["reader"]) for line in said] == [
        (str(still), "brightness"),
        (str(still), "colour-cast"),
        (str(new), "spotter"),
    ]


def test_picture_for_a_reader_of_volumes_alone_is_unsupported(run: Run, tmp_path: Path) -> None:
    result = run("read", picture(tmp_path / "a.png", (200, 40, 20)), "--json", *SPOTTER)
    (said,) = lines(result)
    assert (said["status"], said["findings"], result.exit_code) == ("unsupported", [], 3)
    assert "no single pictures" in said["reason"]


def test_file_that_is_not_there_has_failed(run: Run, tmp_path: Path) -> None:
    result = run("read", tmp_path / "none", "--json", *SPOTTER)
    assert ([line["status"] for line in lines(result)], result.exit_code) == (["failed"], 3)


def test_slices_for_readers_of_pictures_alone_are_read_one_by_one(run: Run, new: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for name in ("IM0001.dcm", "IM0002.dcm"):
        shutil.copy(new / name, tmp_path / "few" / name)
    assert len(lines(run("read", tmp_path / "few", "--json", *READERS))) == 4


def test_scan_that_cannot_be_read_says_why_and_is_no_normal(run: Run, new: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for number in range(1, 21):
        shutil.copy(new / f"IM{number:04}.dcm", tmp_path / "few")
    result = run("read", tmp_path / "few", "--json", *SPOTTER, "--report", tmp_path / "out")
    (said,) = lines(result)
    assert (said["status"], said["findings"], result.exit_code) == ("unsupported", [], 3)
    assert "20" in said["reason"]
    assert len(list((tmp_path / "out").glob("*.pdf"))) == 1


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", ("Chest CT", "right lung", "Fleischner", "Not listed")), ("zh", ("胸部", "右肺", "Fleischner", "未列出"))],
)
def test_table_shows_nodules_guideline_and_what_is_not_listed(
    run: Run, new: Path, tmp_path: Path, language: str, told: tuple[str, ...]
) -> None:
    folder = written(tmp_path / "scan", NODULE, replace(OTHER, diameter_mm=5.0))
    result = run("read", folder, *SPOTTER, "--language", language)
    for word in told:
        assert word in result.stdout, word
    assert result.exit_code == 0


def test_scan_is_compared_with_the_earlier_one(run: Run, new: Path, old: Path) -> None:
    said = only(run, new, "--prior", old, *SPOTTER)
    changes = {finding["growth"]["change"] for finding in present(said)}
    assert changes == {"growing", "new"}
    assert said["scan"]["prior"]["date"] == "2025-03-01"
    shown = run("read", new, "--prior", old, *SPOTTER).stdout
    assert "growing" in shown
    assert "2025-03-01" in shown


def test_scan_is_read_without_the_earlier_one_of_another_patient(run: Run, new: Path, tmp_path: Path) -> None:
    stranger = written(tmp_path / "stranger", date="2024-01-01", patient="P-18")
    result = run("read", new, "--prior", stranger, *SPOTTER, "--json")
    (said,) = lines(result)
    assert (said["status"], said["scan"]["prior"], result.exit_code) == ("read", None, 0)
    assert "another patient" in said["reason"]


def test_later_scan_is_not_compared_with_and_that_is_said(run: Run, new: Path, old: Path) -> None:
    said = only(run, old, "--prior", new, *SPOTTER)
    assert (said["status"], said["scan"]["prior"]) == ("read", None)
    assert "2026-03-01" in said["reason"]
    assert not any("growth" in finding for finding in said["findings"])


@pytest.mark.parametrize("named", ["photographs", "nowhere", "both"])
def test_prior_that_is_not_one_scan_is_wrong_usage(run: Run, drawn: Path, tmp_path: Path, named: str) -> None:
    picture(tmp_path / "photographs" / "a.png", (200, 40, 20))
    path = drawn if named == "both" else tmp_path / named
    result = run("read", drawn / "new", "--prior", path, *SPOTTER, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--prior" in result.stderr


def test_prior_for_readers_that_take_no_scan_is_wrong_usage(run: Run, new: Path, old: Path) -> None:
    result = run("read", new, "--prior", old, *READERS, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "brightness" in result.stderr


def test_report_is_written_and_resumed_without_reading_again(run: Run, new: Path, tmp_path: Path) -> None:
    asked = ("read", new, *SPOTTER, "--json", "--report", tmp_path / "out")
    first = run(*asked)
    files = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert {Path(name).suffix for name in files} == {".pdf", ".html", ".json", ".jsonl"}
    again = run(*asked, "--resume")
    assert again.stdout == first.stdout, "to the last digit of the seconds: recalled, not read"
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == files


def test_resumed_run_that_compares_reads_again(run: Run, new: Path, old: Path, tmp_path: Path) -> None:
    asked = (new, *SPOTTER, "--report", tmp_path / "out", "--resume")
    assert only(run, *asked)["scan"]["prior"] is None
    assert only(run, *asked, "--prior", old)["scan"]["prior"] is not None
    assert only(run, *asked)["scan"]["prior"] is None


def test_resumed_run_and_report_command_write_the_same_report_again(run: Run, new: Path, tmp_path: Path) -> None:
    out, anew = tmp_path / "out", tmp_path / "anew"
    asked = ("read", new, *SPOTTER, "--report", out)
    run(*asked)
    (page,), (document,) = out.glob("*.html"), out.glob("*.json")
    before = page.read_bytes()
    assert b"data:image" in before
    for path in (page, document):
        path.unlink()
    assert run(*asked, "--resume").exit_code == 0
    assert page.read_bytes() == before
    assert run("report", out / "readings.jsonl", anew).exit_code == 0
    assert (anew / page.name).read_bytes() == before


def test_report_command_names_a_scan_that_has_changed(run: Run, new: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(new, tmp_path / "scan")
    run("read", folder, *SPOTTER, "--report", tmp_path / "out")
    (folder / "IM0050.dcm").unlink()
    result = run("report", tmp_path / "out" / "readings.jsonl", tmp_path / "anew")
    assert result.exit_code == 3
    assert str(folder) in result.stderr.replace("\n", "")
    assert list((tmp_path / "anew").glob("*.pdf"))


def test_scan_that_could_not_be_read_is_reported_again_as_one(run: Run, new: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    shutil.copy(new / "IM0001.dcm", tmp_path / "few")
    run("read", tmp_path / "few", *SPOTTER, "--report", tmp_path / "out")
    assert run("report", tmp_path / "out" / "readings.jsonl", tmp_path / "anew").exit_code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()} - {"readings.jsonl"}
    assert {path.name for path in (tmp_path / "anew").iterdir()} == names


def test_network_of_a_reader_of_pictures_is_not_opened_for_a_scan(
    run: Run, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(engine, "open_engine", refuse)
    assert only(run, new, *SPOTTER, *READERS)["reader"] == "spotter"


def test_progress_tells_the_steps_of_the_scan_at_hand(
    run: Run, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Counting, "step", lambda _self, name: told.append(name))
    only(run, new, *SPOTTER, "--report", tmp_path / "out")
    assert told == ["loading", "reading", "cutting"]


def test_nifti_file_is_a_scan(run: Run, tmp_path: Path) -> None:
    file = ct.write_nifti(tmp_path / "a.nii.gz", ct.scan(nodules=(NODULE,), vessels=0))
    said = only(run, file, *SPOTTER)
    assert (said["path"], said["status"]) == (str(file), "read")
    assert present(said)
