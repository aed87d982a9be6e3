"""Readings gathered to cases while they stream past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.reading import Laterality, Reading, Status
from aimis.imaging.laterality import laterality_of_name
from aimis.imaging.still import Still
from aimis.reports import case as cases
from aimis.reports.case import Case, Eye
from tests.unit.reports.samples import NORMAL, SIZE, eye, photograph, readings, refused

R, L = Laterality.RIGHT, Laterality.LEFT


def named(*paths: str) -> list[Eye]:
    """Eyes as they come from files of these names."""
    return [eye(NORMAL, path, side=laterality_of_name(path)) for path in paths]


def grouped(eyes: list[Eye]) -> list[list[str]]:
    return [[e.source.path for e in case.eyes] for case in cases.cases_of(eyes)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("12_left.jpg", "12_right.jpg"),
        ("12-OD.png", "12-OS.png"),
        ("p/left.jpg", "p/right.jpg"),
        ("王_右眼.jpg", "王_左眼.jpg"),
        ("a b R.tif", "a b L.tif"),
        ("x.zip/3_left.jpg", "x.zip/3_right.jpg"),
    ],
)
def test_names_that_differ_only_in_the_side_are_a_pair_right_eye_first(first: str, second: str) -> None:
    right, left = sorted((first, second), key=lambda path: laterality_of_name(path) is L)
    assert grouped(named(first, second)) == [[right, left]]


@pytest.mark.parametrize(
    "paths",
    [
        ("12_left.jpg", "13_right.jpg"),
        ("a/12_left.jpg", "b/12_right.jpg"),
        ("12_left.jpg", "12_left.png"),
        ("l_smith_left.jpg", "r_smith_right.jpg"),
        ("1.jpg", "2.jpg"),
        ("12_left.jpg", "12.jpg"),
    ],
)
def test_names_that_differ_otherwise_are_cases_of_their_own(paths: tuple[str, ...]) -> None:
    assert grouped(named(*paths)) == [[path] for path in paths]


def test_dicom_of_one_patient_and_study_is_a_pair_whatever_the_names() -> None:
    pair = [eye(NORMAL, name, side=side, patient_id="7", study="1.2") for name, side in (("x9", L), ("a3", R))]
    assert grouped(pair) == [["a3", "x9"]]


def test_dicom_of_another_patient_or_study_is_another_case() -> None:
    told = [("7", "1.2", R), ("8", "1.2", L), ("8", "1.3", R)]
    eyes = [eye(NORMAL, f"{i}_{s}", side=s, patient_id=p, study=u) for i, (p, u, s) in enumerate(told)]
    assert len(grouped(eyes)) == 3


@pytest.mark.parametrize(
    "known", [{"patient_id": "ANON", "study": "1.2"}, {"patient_id": "ANON"}, {"study": "1.2"}, {}]
)
def test_eyes_of_two_people_who_share_a_number_or_a_name_are_no_pair(known: dict[str, Any]) -> None:
    pair = [eye(NORMAL, f"1_{name}.dcm", side=side, whose=name, **known) for name, side in (("left", L), ("right", R))]
    assert grouped(pair) == [["1_left.dcm"], ["1_right.dcm"]]
    one = [eye(NORMAL, f"1_{name}.dcm", side=side, whose="a", **known) for name, side in (("left", L), ("right", R))]
    assert grouped(one) == [["1_right.dcm", "1_left.dcm"]]
    with pytest.raises(ValueError, match="one patient"):
        Case(eyes=(pair[1], pair[0]))


@pytest.mark.parametrize("known", [{"patient_id": "7"}, {"study": "1.2"}, {"whose": "a"}])
def test_eye_of_somebody_known_is_not_paired_with_a_file_that_names_nobody(known: dict[str, Any]) -> None:
    pair = [eye(NORMAL, "1_left.jpg", side=L, **known), eye(NORMAL, "1_right.jpg", side=R)]
    assert grouped(pair) == [["1_left.jpg"], ["1_right.jpg"]]


some = st.sampled_from


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            some(["1_left.jpg", "1_right.jpg", "2_left.jpg", "3.jpg"]),
            some([L, R, None]),
            some([None, "PA", "PB"]),
            some([None, "1.2", "1.3"]),
            some([None, "a", "b"]),
        ),
        max_size=20,
    )
)
def test_no_case_holds_eyes_of_two_people_or_studies(
    told: list[tuple[str, Laterality | None, str | None, str | None, str | None]],
) -> None:
    eyes = [
        Eye(readings=readings(NORMAL, path, side=side, patient_id=patient, study=study, whose=whose))
        for path, side, patient, study, whose in told
    ]
    made = list(cases.cases_of(eyes))
    assert sum(len(case.eyes) for case in made) == len(eyes)
    for case in made:
        sources = [each.source for each in case.eyes]
        assert len({(s.patient_id, s.study_instance_uid, s.whose) for s in sources}) == 1


def test_file_that_was_replaced_between_two_runs_is_another_eye() -> None:
    first, second = readings(NORMAL, "a.dcm", patient_id="PA")
    other = replace(second, source=replace(second.source, sha256="cd" * 32, patient_id="PB"))
    assert [e.source.patient_id for case in cases.cases([(first, None), (other, None)]) for e in case.eyes] == [
        "PA",
        "PB",
    ]
    with pytest.raises(ValueError, match="same picture"):
        Eye(readings=(first, other))


def test_two_fields_of_each_eye_are_two_pairs() -> None:
    told = (("r1", R), ("r2", R), ("l1", L), ("l2", L))
    eyes = [eye(NORMAL, name, side=side, patient_id="7", study="1.2") for name, side in told]
    assert grouped(eyes) == [["r1", "l1"], ["r2", "l2"]]


def test_eye_of_unknown_side_is_never_paired() -> None:
    eyes = [eye(NORMAL, name, side=side, patient_id="7", study="1.2") for name, side in (("a", R), ("b", None))]
    assert grouped(eyes) == [["a"], ["b"]]


def test_readings_of_two_readers_of_one_picture_are_one_eye() -> None:
    still = Still(rgb=photograph(), full_size_px=SIZE)
    read = [(r, still) for name in ("a.jpg", "b.jpg") for r in readings(NORMAL, name)]
    made = list(cases.cases(read))
    assert [[len(e.readings) for e in case.eyes] for case in made] == [[2], [2]]


def test_frames_of_one_file_are_cases_of_their_own() -> None:
    read: list[tuple[Reading, Still | None]] = [(r, None) for f in (0, 1) for r in readings(NORMAL, "a.dcm", frame=f)]
    stems = [case.stem for case in cases.cases(read)]
    assert len(set(stems)) == 2
    assert all(f"frame{number}" in stem for number, stem in enumerate(stems, start=1))


def test_failed_file_is_a_case_too() -> None:
    lost = eye(refused(Status.FAILED, "truncated"), "lost.jpg", decoded=False)
    assert [case.eyes[0].photograph is None for case in cases.cases_of([lost])] == [True]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["1_left.jpg", "1_right.jpg", "2_left.jpg", "3.jpg"]), max_size=30))
def test_every_eye_is_in_exactly_one_case(paths: list[str]) -> None:
    eyes = [Eye(readings=readings(NORMAL, path, side=laterality_of_name(path))) for path in paths]
    made = [e for case in cases.cases_of(eyes) for e in case.eyes]
    assert sorted(map(id, made)) == sorted(map(id, eyes))


def test_few_photographs_are_held_however_long_a_study_is() -> None:
    taken = 0

    def endless() -> Iterator[Eye]:
        nonlocal taken
        while True:
            taken += 1
            yield Eye(readings=readings(NORMAL, f"{taken}.dcm", side=R, patient_id="7", study="1.2"))

    stream = cases.cases_of(endless())
    for _ in range(20):
        next(stream)
    assert taken <= 20 + 8


def test_photograph_is_kept_no_larger_than_a_report_needs() -> None:
    rgb = np.zeros((3000, 2000, 3), np.uint8)
    kept = cases.eye_of(readings(NORMAL), Still(rgb=rgb, full_size_px=(2000, 3000))).photograph
    assert kept is not None
    assert kept.shape == (1600, 1067, 3)


def test_case_holds_an_eye_or_a_right_and_a_left_one() -> None:
    left = eye(NORMAL, "a", side=L)
    with pytest.raises(ValueError, match="right and a left"):
        Case(eyes=(left, left))
    with pytest.raises(ValueError, match="right and a left"):
        Case(eyes=())


@settings(deadline=None)
@given(st.text(st.characters(codec=None), min_size=1, max_size=400))
def test_stem_is_a_safe_file_name_whatever_the_input_is_called(path: str) -> None:
    stem = Case(eyes=(Eye(readings=readings(NORMAL, path)),)).stem
    assert all(c.isalnum() or c in "_+-" for c in stem)
    assert stem[0].isalnum() or stem[0] in "+-"
    assert len(f".{stem}-right-overlay.jpg.12345-123456789012345.part".encode()) <= 255


def test_stem_holds_nothing_of_the_patient() -> None:
    stem = Case(eyes=(eye(NORMAL, "IM0001.dcm", patient_id="Zhang^San", study="1.2.840.99"),)).stem
    assert stem.startswith("IM0001-")
    assert "Zhang" not in stem
    assert "840" not in stem


def test_stem_tells_same_names_in_different_folders_apart_and_stays_the_same() -> None:
    first, second, again = (Case(eyes=(eye(NORMAL, path),)).stem for path in ("a/1.jpg", "b/1.jpg", "a/1.jpg"))
    assert first != second
    assert first == again
