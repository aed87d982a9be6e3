"""Slices of two patients never become one volume, nor stills of two one examination; no file is lost by it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from aimis.domain.errors import CaseError
from aimis.domain.reading import Reason
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.ingest import sorts, stills
from aimis.ingest.examination import ExaminationItem
from aimis.ingest.examinations import Examinations, find_inputs
from aimis.ingest.item import Item
from aimis.ingest.volumes import VolumeItem, Volumes
from tests.fakes import ct, endoscopy
from tests.fakes.ct_series import SLICES, codes, files, item_of, read, small, written
from tests.fakes.dicoms import compressed, file_of
from tests.fakes.pictures import encoded
from tests.fakes.videos import numbered

WHOLE, FOUND = Examinations.WHOLE, Examinations.FOUND
PEOPLE: list[dict[str, str]] = [
    {},
    {"PatientID": "PA"},
    {"PatientID": "PB"},
    {"PatientID": " PA "},
    {"PatientBirthDate": "19500101"},
    {"PatientID": "PA", "PatientBirthDate": "19610203"},
    {"PatientID": "PA", "IssuerOfPatientID": "N"},
    {"PatientID": "PA", "IssuerOfPatientID": "S"},
    {"PatientID": "PB", "PatientSex": "M"},
    {"PatientID": "PB", "PatientSex": "F"},
]
TELLING = ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")


def tagged(content: bytes, **tags: str) -> bytes:
    """The file with these tags alone to say whose it is."""
    dataset = dcmread(io.BytesIO(content))
    for keyword in ("PatientName", "PatientAge", *TELLING):
        dataset.pop(keyword, None)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return file_of(dataset)


def are_two(one: dict[str, str], other: dict[str, str]) -> bool:
    return any(one.get(tag, "").strip() != other.get(tag, "").strip() for tag in TELLING if tag in one and tag in other)


def hold_two(people: Sequence[dict[str, str]]) -> bool:
    return any(are_two(one, other) for one, other in combinations(people, 2))


def items_of(contents: Sequence[bytes]) -> list[VolumeItem]:
    volumes = Volumes(limits=DEFAULT_LIMITS)
    for number, content in enumerate(contents):
        assert volumes.take(item_of(number, content), "scan") == ()
    return list(volumes.items())


def refusal_of(action: Callable[[], object]) -> Reason:
    with pytest.raises(CaseError) as refused:
        action()
    assert refused.value.status == "unsupported"
    return refused.value.reason


def patients(*pairs: str) -> Reason:
    return Reason.of("two-patients", by="patient-id", first=pairs[0], second=pairs[1])


def half_a_step_up(dataset: Dataset, _at: int = 0) -> None:
    """Another patient's slice between those of the first, with the first one's UIDs but for its own."""
    x, y, z = map(float, dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y, z + 1.5]
    dataset.PatientID, dataset.SOPInstanceUID = "PB", f"{dataset.SOPInstanceUID}.2"


def test_slices_of_two_patients_that_share_their_uids_are_refused_with_both_named() -> None:
    """Row 01a of the found inputs."""
    for contents in ([*files(), *written(half_a_step_up)], [*written(half_a_step_up), *files()]):
        (item,) = items_of(contents)
        first, second = ("P-17", "PB") if contents[0] == files()[0] else ("PB", "P-17")
        assert refusal_of(item.load) == patients(first, second)
        assert len(item.sha256()) == 64


def test_series_of_two_patients_in_one_study_are_refused() -> None:
    """Of two series one is read and the other only listed: the second patient's would be lost."""

    def other(dataset: Dataset, _at: int) -> None:
        dataset.PatientID, dataset.SeriesInstanceUID = "PB", "1.2.3.21"
        dataset.SOPInstanceUID += ".2"

    (item,) = items_of([*files(), *written(other)])
    assert refusal_of(item.load) == patients("P-17", "PB")


def test_slices_without_any_uid_of_two_patients_are_refused() -> None:
    def nameless(patient: str) -> Callable[[Dataset, int], None]:
        def change(dataset: Dataset, at: int) -> None:
            dataset.PatientID, dataset.SOPInstanceUID = patient, f"1.2.{ord(patient[-1])}.{at}"
            del dataset.StudyInstanceUID, dataset.SeriesInstanceUID

        return change

    (item,) = items_of([*written(nameless("PA")), *written(nameless("PB"))])
    assert refusal_of(item.load) == patients("PA", "PB")


def test_enhanced_objects_of_two_patients_are_refused() -> None:
    def other(dataset: Dataset, _at: int) -> None:
        dataset.PatientID, dataset.SOPInstanceUID = "PB", "1.2.99"

    (item,) = items_of([ct.enhanced_file(small()), ct.enhanced_file(small(), ct.Writing(change=other))])
    assert refusal_of(item.load) == patients("P-17", "PB")


def test_one_slice_of_another_patient_is_enough() -> None:
    contents = list(files())
    contents[SLICES // 2] = tagged(contents[SLICES // 2], PatientID="P-17", PatientSex="M")
    (item,) = items_of(contents)
    reason = Reason.of("two-patients", by="sex", first="P-17 (F)", second="P-17 (M)")
    assert refusal_of(item.load) == reason


def test_blanks_round_a_patient_id_make_no_other_patient() -> None:
    assert read([tagged(c, PatientID=("P-17", " P-17 ")[at % 2]) for at, c in enumerate(files())]).limited == ()


def test_slices_that_do_not_say_whose_they_are_are_read_and_that_is_said() -> None:
    volume = read([tagged(c, **({"PatientID": "P-17"} if at % 2 else {})) for at, c in enumerate(files())])
    assert volume.limited == (Reason.of("patient-not-everywhere", count=SLICES // 2, slices=SLICES),)
    assert volume.patient_id == "P-17"
    assert codes(read([tagged(content) for content in files()])) == []


def test_slices_of_one_series_that_say_two_studies_are_not_read_as_two_halves() -> None:
    contents = list(files())
    contents[::2] = [tagged(c, PatientID="P-17", StudyInstanceUID="1.2.9") for c in contents[::2]]
    reasons = [refusal_of(item.load) for item in items_of(contents)]
    pairs = {("1.2.9", ct.STUDY_UID), (ct.STUDY_UID, "1.2.9")}
    assert {reason.code for reason in reasons} == {"two-studies"}
    assert {(dict(r.values)["first"], dict(r.values)["second"]) for r in reasons} == pairs


def test_studies_of_two_patients_are_read_apart_whatever_series_uid_they_share(tmp_path: Path) -> None:
    ct.write_dicom(tmp_path, small())
    ct.write_dicom(tmp_path, small(), ct.Writing(study_uid="1.2.9", change=half_a_step_up), prefix="B")
    found = find_inputs([str(tmp_path)], examinations=Examinations.NONE, volumes=True)
    assert {item.load().patient_id for item in found if isinstance(item, VolumeItem)} == {"P-17", "PB"}


def test_studies_in_folders_of_their_own_are_read_apart_whatever_series_uid_they_share(tmp_path: Path) -> None:
    for name, study in (("a", "1.2.8"), ("b", "1.2.9")):
        ct.write_dicom(tmp_path / name, small(), ct.Writing(study_uid=study))
    found = find_inputs([str(tmp_path)], examinations=Examinations.NONE, volumes=True)
    assert [item.load().study_instance_uid for item in found if isinstance(item, VolumeItem)] == ["1.2.8", "1.2.9"]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=SLICES), st.integers(0, SLICES - 1))
def test_no_volume_holds_two_people_whichever_slice_is_whose(people: list[dict[str, str]], shift: int) -> None:
    whose = [people[(at + shift) % len(people)] for at in range(SLICES)]
    (item,) = items_of([tagged(content, **person) for content, person in zip(files(), whose, strict=True)])
    if hold_two(whose):
        assert refusal_of(item.load).code == "two-patients"
        assert refusal_of(item.identity).code == "two-patients"
    else:
        assert len(item.load().hu) == SLICES
        assert item.identity().patient_id == next((p["PatientID"].strip() for p in whose if "PatientID" in p), None)


def still(shown: int, *, study: str = "1.2.3.2", series: str = "1.2.9", **tags: str) -> bytes:
    """An endoscopic picture with these tags alone to say whose it is."""
    return tagged(endoscopy.still(shown, number=shown, series=series), StudyInstanceUID=study, **tags)


def written_stills(folder: Path, contents: Sequence[bytes], suffix: str = "dcm") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number}.{suffix}").write_bytes(content)
    return folder


def only(path: Path, mode: Examinations) -> ExaminationItem:
    (found,) = find_inputs([str(path)], examinations=mode)
    assert isinstance(found, ExaminationItem)
    return found


def opened(item: ExaminationItem) -> list[Any]:
    with item.open() as examination:
        return [work().picture for work in examination.frames()]


@pytest.mark.parametrize("mode", [WHOLE, FOUND])
def test_stills_of_two_patients_or_studies_are_refused_with_both_named(tmp_path: Path, mode: Examinations) -> None:
    pair = written_stills(tmp_path / "a", [still(1, PatientID="PA"), still(2, PatientID="PB")])
    assert refusal_of(lambda: opened(only(pair, mode))) == patients("PA", "PB")
    pair = written_stills(tmp_path / "b", [still(1, PatientID="PA"), still(2, PatientID="PA", study="1.2.4")])
    assert refusal_of(lambda: opened(only(pair, mode))) == Reason.of("two-studies", first="1.2.3.2", second="1.2.4")


def deflated(content: bytes) -> bytes:
    return file_of(dcmread(io.BytesIO(content)), transfer_syntax=uid.DeflatedExplicitVRLittleEndian)


def run_length_encoded(content: bytes) -> bytes:
    return compressed(dcmread(io.BytesIO(content)), uid.RLELossless)


def pages(content: bytes) -> bytes:
    """Many frames, of a kind that is no cine."""
    dataset = dcmread(io.BytesIO(content))
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.77.1.4", "XC"
    dataset.NumberOfFrames, dataset.PixelData = 2, dataset.PixelData * 2
    return file_of(dataset)


@pytest.mark.parametrize("form", [deflated, run_length_encoded, pages])
def test_patient_is_told_in_every_form_of_dicom(tmp_path: Path, form: Callable[[bytes], bytes]) -> None:
    folder = written_stills(tmp_path, [still(1, PatientID="PA"), form(still(2, PatientID="PB"))])
    assert refusal_of(lambda: opened(only(folder, WHOLE))) == patients("PA", "PB")


def test_pictures_without_identity_join_the_one_person_who_is_named(tmp_path: Path) -> None:
    written_stills(tmp_path, [encoded(numbered(n), "PNG") for n in (0, 1)], suffix="png")
    written_stills(tmp_path / "x", [still(2, PatientID="PA"), still(3)])
    pictures = opened(only(tmp_path, WHOLE))
    assert [picture.identity.patient_id for picture in pictures] == [None, None, "PA", None]


def test_members_of_a_zip_are_told_apart_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        for name in ("PA", "PB"):
            archive.writestr(f"{name}.dcm", still(1, PatientID=name))
    assert refusal_of(lambda: opened(only(tmp_path / "e.zip", WHOLE))) == patients("PA", "PB")


def in_memory(contents: Sequence[bytes]) -> Iterator[Item]:
    for number, content in enumerate(contents):
        yield replace(item_of(number, content), path=f"e/{number}")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["1.2", "1.3"])), min_size=1, max_size=5))
def test_no_examination_holds_two_people_or_studies(whose: list[tuple[dict[str, str], str]]) -> None:
    contents = [still(at, study=study, **person) for at, (person, study) in enumerate(whose)]
    parts = tuple(sorts.sort(item) for item in in_memory(contents))
    item = stills.open_stills("e", parts, DEFAULT_LIMITS, None)
    if hold_two([person for person, _ in whose]):
        assert refusal_of(item.__enter__).code == "two-patients"
    elif len({study for _, study in whose}) > 1:
        assert refusal_of(item.__enter__).code == "two-studies"
    else:
        with item as examination:
            assert len(list(examination.frames())) == len(whose)
