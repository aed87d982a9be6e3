"""`aimis read` never makes one result of two people: CT, examinations, eyes, earlier CTs, records taken up again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from aimis.domain import identity
from tests.fakes import ct, endoscopy
from tests.fakes.ct_series import files, small, written
from tests.fakes.dicoms import dataset_of, file_of
from tests.fakes.examiner import mucosa
from tests.integration.cli.conftest import FIXTURES, READERS, Run, lines

pytestmark = pytest.mark.integration
SPOTTER, EXAMINER = ("--reader", "spotter"), ("--reader", "examiner")
FIRST, SECOND = "4711-0001", "4711-0002"


@pytest.fixture(autouse=True)
def _all_kinds_of_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (FIXTURES / "two-entries", FIXTURES / "examiner", FIXTURES / "spotter")
    monkeypatch.setenv("AIMIS_READERS_PATH", os.pathsep.join(map(str, folders)))


def put(folder: Path, contents: Sequence[bytes], prefix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{prefix}{number:04}.dcm").write_bytes(content)
    return folder


def slices(patient: str, *, up_mm: float = 0.0, study: str = ct.STUDY_UID, date: str = "20260301") -> list[bytes]:
    def change(dataset: Dataset, _at: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient, dataset.PatientID = [x, y, z + up_mm], patient
        dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{patient[-1]}"
        dataset.StudyInstanceUID, dataset.AcquisitionDate = study, date

    return written(change)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Slices of two patients that share study and series, the second's half a step above the first's."""
    put(tmp_path / "scan", slices(FIRST), "a")
    return put(tmp_path / "scan", slices(SECOND, up_mm=1.5), "b")


def still(number: int, patient: str, study: str = "1.2.3.2") -> bytes:
    dataset = endoscopy.endoscopic(mucosa(lesion=True, at=number), number=number)
    dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = patient, study, f"1.2.9.{patient[-1]}"
    return file_of(dataset)


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    """Stills of four patients in one folder."""
    return put(tmp_path / "exam", [still(number, f"4711-000{number + 1}") for number in range(4)])


def eye(side: str, patient: str, **tags: str) -> bytes:
    dataset = dataset_of(np.full((320, 360, 3), 90, np.uint8))
    dataset.ImageLaterality, dataset.PatientID = side, patient
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return file_of(dataset)


def only(run: Run, *arguments: object) -> dict[str, Any]:
    (line,) = lines(run("read", *arguments, "--json"))
    return line


def named(said: dict[str, Any]) -> bool:
    return FIRST in said["reason"] and SECOND in said["reason"]


def test_ct_of_two_patients_is_one_refused_line_that_names_both(run: Run, scan: Path) -> None:
    result = run("read", scan, *SPOTTER, "--json")
    (said,) = lines(result)
    assert (said["status"], said["findings"], said["path"], result.exit_code) == ("unsupported", [], str(scan), 3)
    assert named(said)
    assert said["input_sha256"]


def test_examination_of_four_patients_is_one_refused_line_that_names_two(run: Run, exam: Path) -> None:
    said = only(run, "--exam", exam, *EXAMINER)
    assert (said["status"], said["findings"], said["frame_records"]) == ("unsupported", [], [])
    assert named(said)


def test_examination_of_two_studies_names_both(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "e", [still(n, FIRST, study) for n, study in enumerate(("1.2.3.20", "1.2.3.21"))])
    said = only(run, "--exam", folder, *EXAMINER)
    assert said["status"] == "unsupported"
    assert "1.2.3.20" in said["reason"]
    assert "1.2.3.21" in said["reason"]


@pytest.mark.parametrize(("language", "word"), [("en", "different patients"), ("zh", "不同患者")])
def test_table_and_report_say_it_in_both_languages(
    run: Run, scan: Path, exam: Path, tmp_path: Path, language: str, word: str
) -> None:
    for number, arguments in enumerate(((scan, *SPOTTER), ("--exam", exam, *EXAMINER))):
        report = tmp_path / f"r{number}"
        shown = run("read", *arguments, "--language", language, "--report", report).stdout
        assert FIRST in shown
        assert word in shown
        (page,) = report.glob("*.html")
        assert word in page.read_text(encoding="utf-8")
        assert SECOND in page.read_text(encoding="utf-8")


def test_ids_are_masked_everywhere_where_the_site_says_so(
    run: Run, scan: Path, exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMIS_MASK_PATIENT_IDS", "true")
    for number, arguments in enumerate(((scan, *SPOTTER), ("--exam", exam, *EXAMINER))):
        report = tmp_path / f"r{number}"
        result = run("read", *arguments, "--report", report, "--json")
        said = "".join([result.stdout, *(f.read_bytes().decode("latin-1") for f in report.iterdir())])
        assert "4***1" in result.stdout
        assert "4***2" in result.stdout
        assert "4711" not in said


@pytest.mark.parametrize("masks", ["true", "false"])
def test_logs_never_hold_an_id(
    run: Run, scan: Path, exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, masks: str
) -> None:
    monkeypatch.setenv("AIMIS_LOG_LEVEL", "debug")
    monkeypatch.setenv("AIMIS_MASK_PATIENT_IDS", masks)
    prior = put(tmp_path / "old", slices(SECOND, study="1.2.7", date="20250301"))
    new = put(tmp_path / "new", slices(FIRST))
    for arguments in ((scan, *SPOTTER), ("--exam", exam, *EXAMINER), (new, "--prior", prior, *SPOTTER)):
        logged = run("read", *arguments, "--json").stderr
        assert "run-ended" in logged
        assert "4711" not in logged


def test_ct_is_read_without_an_earlier_one_of_another_patient_and_both_are_named(run: Run, tmp_path: Path) -> None:
    new, old = put(tmp_path / "new", slices(FIRST)), put(tmp_path / "old", slices(SECOND, study="1.2.7"))
    said = only(run, new, "--prior", old, *SPOTTER)
    assert (said["status"], said["scan"]["prior"]) == ("read", None)
    assert named(said)
    assert said["scan"]["limited"][0] == said["reason"]


def as_an_earlier_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told apart."""
    monkeypatch.setattr(identity, "difference", lambda *_two: None)


@pytest.mark.parametrize("kind", ["scan", "exam"])
def test_record_of_an_earlier_version_that_read_two_as_one_is_not_taken_up(
    run: Run, scan: Path, exam: Path, tmp_path: Path, kind: str
) -> None:
    arguments: tuple[object, ...] = (scan, *SPOTTER) if kind == "scan" else ("--exam", exam, *EXAMINER)
    arguments = (*arguments, "--report", tmp_path / "r")
    with pytest.MonkeyPatch.context() as earlier:
        as_an_earlier_version(earlier)
        assert only(run, *arguments)["status"] == "read"
    assert only(run, *arguments, "--resume")["status"] == "unsupported"


def reports_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def people_in(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(record["source"]["patient_id"], record["source"]["whose"]) for record in report["records"]}


@pytest.mark.parametrize(
    "right",
    [
        eye("R", SECOND),
        eye("R", FIRST, PatientBirthDate="19500101"),
        eye("R", FIRST, IssuerOfPatientID="N"),
        eye("R", FIRST, StudyDate="20190101"),
    ],
)
def test_eyes_of_two_people_or_days_have_a_report_each_also_when_taken_up_or_made_again(
    run: Run, tmp_path: Path, right: bytes
) -> None:
    left = eye("L", FIRST, PatientBirthDate="19610203", IssuerOfPatientID="S", StudyDate="20250101")
    eyes = put(tmp_path / "eyes", [left, right])
    arguments = (eyes, *READERS, "--json", "--report", tmp_path / "r")
    run("read", *arguments)
    shutil.copy(tmp_path / "r" / "readings.jsonl", tmp_path / "readings.jsonl")
    for file in (tmp_path / "r").glob("*.json"):
        file.unlink()
    run("read", *arguments, "--resume")
    run("report", tmp_path / "r" / "readings.jsonl", tmp_path / "again")
    for folder in (tmp_path / "r", tmp_path / "again"):
        assert [len(people_in(report)) for report in reports_in(folder)] == [1, 1]


def test_both_eyes_of_one_person_have_one_report(run: Run, tmp_path: Path) -> None:
    eyes = put(tmp_path / "eyes", [eye(side, FIRST, PatientBirthDate="19610203") for side in "LR"])
    run("read", eyes, *READERS, "--report", tmp_path / "r")
    (report,) = reports_in(tmp_path / "r")
    assert len(report["records"]) == 4
    assert "19610203" not in json.dumps(report)


def test_file_replaced_by_another_patients_between_two_runs_is_reported_apart(run: Run, tmp_path: Path) -> None:
    folder, report = tmp_path / "eyes", tmp_path / "r"
    put(folder, [eye("L", FIRST)])
    run("read", folder, "--reader", "brightness", "--report", report)
    put(folder, [eye("L", SECOND)])
    run("read", folder, "--reader", "colour-cast", "--report", report, "--resume")
    run("report", report / "readings.jsonl", tmp_path / "again")
    assert [{patient for patient, _ in people_in(each)} for each in reports_in(tmp_path / "again")] in (
        [{FIRST}, {SECOND}],
        [{SECOND}, {FIRST}],
    )


@pytest.mark.skipif(not shutil.which("dcmodify"), reason="needs the Debian package dcmtk")
def test_patient_id_that_dcmtk_changed_in_half_of_the_slices_is_seen(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "scan", files())
    half = sorted(map(str, folder.iterdir()))[::2]
    subprocess.run(["dcmodify", "-nb", "-m", f"PatientID={SECOND}", *half], check=True, capture_output=True)
    said = only(run, folder, *SPOTTER)
    assert said["status"] == "unsupported"
    assert SECOND in said["reason"]
    assert str(small().patient_id) in said["reason"]
