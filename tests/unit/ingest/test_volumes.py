"""Slices of a study in one folder are one volume, whatever their order; nothing else changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aimis.domain.errors import CaseError
from aimis.ingest.examinations import Examinations, count_inputs, find_inputs
from aimis.ingest.item import Item
from aimis.ingest.volumes import VolumeItem
from tests.fakes import ct
from tests.fakes.ct_series import assert_same, files, small
from tests.fakes.pictures import encoded
from tests.fakes.videos import numbered


def small_in(folder: Path) -> Path:
    for number, content in enumerate(files(), start=1):
        (folder / f"A{number:04}.dcm").write_bytes(content)
    return folder


def volumes_in(*paths: Path) -> list[VolumeItem]:
    found = list(find_inputs([str(path) for path in paths], examinations=Examinations.FOUND, volumes=True))
    assert count_inputs([str(path) for path in paths], examinations=Examinations.FOUND, volumes=True) == len(found)
    return [each for each in found if isinstance(each, VolumeItem)]


def only(*paths: Path) -> VolumeItem:
    (item,) = volumes_in(*paths)
    return item


def test_series_is_the_volume_it_was_written_from(tmp_path: Path) -> None:
    item = only(small_in(tmp_path))
    read = item.load()
    assert item.path == str(tmp_path)
    assert_same(read, small())
    assert read.limited == ()
    assert (read.series.date, read.series.age_years, read.series.sex) == ("2026-03-01", 61, "F")
    assert (read.series.kernel, read.series.choice, read.series.others) == ("B30f", "only-series", ())
    assert (read.patient_id, read.study_instance_uid) == ("P-17", ct.STUDY_UID)
    assert read.instance_numbers == tuple(range(1, 1 + len(small().hu)))


def test_digest_is_over_the_files_in_the_order_of_their_names_and_free_after_loading(tmp_path: Path) -> None:
    files = sorted(small_in(tmp_path).iterdir())
    hexes = "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    expected = hashlib.sha256(hexes.encode()).hexdigest()
    item = only(tmp_path)
    assert item.sha256() == expected
    loaded = only(tmp_path)
    loaded.load()
    for file in files:
        file.unlink()
    assert loaded.sha256() == expected


def test_studies_in_one_folder_are_a_volume_each(tmp_path: Path) -> None:
    small_in(tmp_path)
    ct.write_dicom(tmp_path, small(), ct.Writing(study_uid="1.2.9", series_uid="1.2.9.1"), prefix="B")
    assert [item.path for item in volumes_in(tmp_path)] == [str(tmp_path)] * 2


def test_series_of_one_study_in_folders_of_their_own_are_one_volume_where_the_study_is_named(tmp_path: Path) -> None:
    study = tmp_path / "study"
    ct.write_dicom(study / "se1", small())
    ct.write_dicom(study / "se2", ct.part(small(), slice(0, 44)), ct.Writing(series_uid="1.2.9"))
    whole = only(study)
    assert whole.path == str(study)
    assert_same(whole.load(), small())
    assert [item.path for item in volumes_in(study / "se1", study / "se2")] == [
        str(study / "se1"),
        str(study / "se2"),
    ]


def test_copies_of_a_series_in_two_folders_are_a_volume_each(tmp_path: Path) -> None:
    for name in ("a", "b"):
        ct.write_dicom(tmp_path / "scans" / name, small())
    assert [item.path for item in volumes_in(tmp_path / "scans")] == [str(tmp_path / "scans" / n) for n in ("a", "b")]


def test_pictures_beside_slices_stay_pictures(tmp_path: Path) -> None:
    small_in(tmp_path)
    (tmp_path / "eye.png").write_bytes(encoded(numbered(1), "PNG"))
    found = list(find_inputs([str(tmp_path)], examinations=Examinations.NONE, volumes=True))
    assert [type(each) for each in found] == [Item, VolumeItem]


def test_slices_are_single_files_where_no_reader_takes_volumes(tmp_path: Path) -> None:
    ct.write_dicom(tmp_path, ct.part(small(), slice(0, 3, 1)))
    found = list(find_inputs([str(tmp_path)], examinations=Examinations.NONE))
    assert [type(each) for each in found] == [Item] * 3


def test_files_that_vanish_are_said(tmp_path: Path) -> None:
    item = only(small_in(tmp_path))
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(CaseError, match="not-found"):
        item.load()
    with pytest.raises(CaseError, match="unreadable"):
        item.sha256()
