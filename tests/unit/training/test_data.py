"""Labels, the split by patient, and augmentation."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aimis.readers.fundus.network import TARGETS
from tests.fakes.eyes import eye
from training.fundus import data

BLANK = dict.fromkeys(
    ["icdr_grade", "dme_grade", "normal", "dr", "glaucoma", "glaucoma_suspect", "amd", "cataract"], ""
) | dict.fromkeys(["hypertensive", "pathological_myopia", "other", "laterality", "keywords"], "")


def row(**values: str) -> data.Row:
    return {**BLANK, "source": "odir5k", "patient": "1", "file": "a.webp", **values}


def test_both_eyes_of_a_patient_fall_in_one_part() -> None:
    parts: dict[str, set[str]] = defaultdict(set)
    for patient in range(500):
        for side in "LR":
            parts[str(patient)].add(data.part_of(row(patient=str(patient), laterality=side)))
    assert all(len(own) == 1 for own in parts.values())
    assert set().union(*parts.values()) == {"train", "calibration", "test"}


@given(st.integers(0, 4))
def test_a_grade_decides_every_step_up_to_it(grade: int) -> None:
    truth, weight = data.targets_of(row(icdr_grade=str(grade)))
    assert truth[:4] == [float(grade >= step) for step in (1, 2, 3, 4)]
    assert weight[:4] == [1.0] * 4


def test_what_a_source_does_not_say_has_no_weight() -> None:
    _, weight = data.targets_of(row(icdr_grade="2", source="eyepacs"))
    assert [t for t, w in zip(TARGETS, weight, strict=True) if w] == list(TARGETS[:4])


def test_a_glaucoma_suspect_teaches_nothing_of_glaucoma() -> None:
    _, weight = data.targets_of(row(glaucoma="0", glaucoma_suspect="1"))
    assert weight[TARGETS.index("glaucoma")] == 0


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_augmentation_keeps_shape_and_the_black_surround(seed: int, strength: float) -> None:
    square = eye(128, radius=0.5)
    out = data.augment(square, 96, np.random.default_rng(seed), strength)
    assert out.shape == (96, 96, 3)
    assert out[0, 0].max() == 0


def test_augmentation_is_the_same_for_the_same_seed() -> None:
    first, second = (data.augment(eye(128), 96, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
