"""What one report is about: the eye or the pair of eyes of one patient, gathered while readings stream past."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from aimis.domain.reading import Laterality, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aimis.imaging.still import Still

PHOTOGRAPH_SIDE_PX = 1600
"""Longest side of a photograph kept for a report."""

_LONGEST_RUN = 8  # photographs of one patient held at a time: two fields of each eye, twice
_STEM_BYTES = 120
_SIDE = re.compile(  # as `aimis.imaging.laterality` reads a name: words in any place, a single letter as the last word
    r"(?<![^\W\d_])(?:lefteye|righteye|left|right|os|od|[左右])(?![^\W\d_])|[左右]眼"
    r"|(?<![^\W_])[lr](?![^\W_])(?=[\W\d_]*$)",
    re.IGNORECASE,
)
_NOT_FOR_NAMES = re.compile(r"[^\w+-]+")
_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, kw_only=True, eq=False)
class Eye:
    """One photograph and what each reader says of it.

    readings : one a reader, at least one, all of the same source
    photograph : shape (rows, columns, 3), longest side at most 1600; None where there is none at hand
    """

    readings: tuple[Reading, ...]
    photograph: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if not self.readings:
            raise ValueError("an eye has at least one reading")
        if len({picture_of(reading) for reading in self.readings}) > 1:
            raise ValueError("readings of one eye are of the same picture")

    @property
    def source(self) -> Source:
        """The input as found."""
        return self.readings[0].source

    @property
    def laterality(self) -> Laterality | None:
        """From the source, else as far as a reader could tell from the picture."""
        told = [r.source.laterality or r.outcome.laterality for r in self.readings]
        return next((side for side in told if side), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One report: an eye, or the right and the left eye of one patient in this order."""

    eyes: tuple[Eye, ...]

    def __post_init__(self) -> None:
        sides = [eye.laterality for eye in self.eyes]
        if len(sides) != 1 and sides != [Laterality.RIGHT, Laterality.LEFT]:
            raise ValueError(f"a case is one eye, or a right and a left one, not {sides}")
        if len({_patient(eye.source) for eye in self.eyes}) > 1:
            raise ValueError("the two eyes of a case are of one patient and study")

    @property
    def stem(self) -> str:
        """A file name without suffix: the inputs' own names made safe, and eight digits that keep it apart from others.

        The same inputs have the same stem in every run; nothing of DICOM's values is in it.
        """
        return stem_of(*(eye.source for eye in self.eyes))


def stem_of(*sources: Source) -> str:
    """A file name without suffix for a report of inputs; as `Case.stem`, and of one examination."""
    names = "+".join(_own_name(source) for source in sources)
    cut = names.encode()[:_STEM_BYTES].decode(errors="ignore")
    told = [(source.path, source.frame, source.sha256) for source in sources]
    return f"{cut}-{hashlib.sha256(repr(told).encode()).hexdigest()[:8]}"


def cases(read: Iterable[tuple[Reading, Still | None]]) -> Iterator[Case]:
    """Readings in input order, several readers' of one picture one after another, as cases in nearly that order."""
    pictures = groupby(read, key=lambda pair: picture_of(pair[0]))
    return cases_of(_eye(list(group)) for _, group in pictures)


def cases_of(eyes: Iterable[Eye]) -> Iterator[Case]:
    """Eyes in input order as cases in nearly that order, while they stream past.

    Neighbours are one patient's where DICOM says the same of patient, study and day, or where it says neither patient
    nor study and their names differ only in the side; of them a right and a left eye make a case. At most eight
    photographs are held at a time.
    """
    for _, run in groupby(eyes, key=_Patients()):
        held: list[Eye] = []
        for eye in run:
            held.append(eye)
            if len(held) == _LONGEST_RUN:
                yield from _pairs(held)
                held = []
        yield from _pairs(held)


def eye_of(readings: Sequence[Reading], still: Still | None) -> Eye:
    """An eye with its photograph no larger than a report needs."""
    return Eye(readings=tuple(readings), photograph=None if still is None else shrunk(still.rgb))


def _eye(group: Sequence[tuple[Reading, Still | None]]) -> Eye:
    return eye_of([reading for reading, _ in group], next((still for _, still in group if still is not None), None))


def shrunk(rgb: npt.NDArray[np.uint8], side_px: int = PHOTOGRAPH_SIDE_PX) -> npt.NDArray[np.uint8]:
    """The photograph with its longest side at most side_px; as it is where it is smaller."""
    scale = side_px / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR  # linear takes a tenth of the time, as good near 1
    return np.asarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8)


def picture_of(reading: Reading) -> tuple[str, int | None, str | None]:
    """What readings of one picture share: a file that was replaced between two runs is another picture."""
    return reading.source.path, reading.source.frame, reading.source.sha256


class _Patients:
    """A key that neighbours of one patient share; a picture of nobody known has one of its own."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, eye: Eye) -> tuple[str, ...]:
        self._seen += 1
        return _patient(eye.source) or (str(self._seen),)


def _patient(source: Source) -> tuple[str, ...] | None:
    whose = source.whose or ""
    if source.study_instance_uid:
        return "study", source.patient_id or "", source.study_instance_uid, whose
    if source.patient_id:
        return "patient", source.patient_id, whose
    path = PurePosixPath(source.path.replace("\\", "/"))
    rest, sides = _SIDE.subn(" ", path.stem)
    return ("name", str(path.parent), _SEPARATORS.sub(" ", rest).strip(), path.suffix.lower(), whose) if sides else None


def _pairs(eyes: Sequence[Eye]) -> Iterator[Case]:
    """The first right with the first left eye and so on; what has no partner, or no side, is a case of its own."""
    right, left = ([e for e in eyes if e.laterality is side] for side in (Laterality.RIGHT, Laterality.LEFT))
    for pair in zip_longest(right, left):
        yield Case(eyes=tuple(eye for eye in pair if eye is not None))
    yield from (Case(eyes=(eye,)) for eye in eyes if eye.laterality is None)


def _own_name(source: Source) -> str:
    """The input's file name without suffix, of letters, digits, `_`, `+` and `-` alone; a frame's number after it."""
    name = PurePosixPath(source.path.replace("\\", "/")).stem
    safe = _NOT_FOR_NAMES.sub("_", unicodedata.normalize("NFC", name)).strip("_") or "photograph"
    return safe if source.frame is None else f"{safe}-frame{source.frame + 1}"
