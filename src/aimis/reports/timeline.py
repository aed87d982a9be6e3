"""An examination's video along its time: how likely each finding is, what was followed, what was seen and what not.

Places are shares 0..1 of the video's length, so that HTML and PDF draw the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING

from aimis.domain.reading import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aimis.domain.examination import Examination, FrameRecord
    from aimis.reports.texts import Texts

_CELLS = 480
_LONGEST_GAP = 2.5  # in usual distances between samples: what is longer was lost
_TICK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds
_MOST_TICKS = 12
_MARK_WIDTH = 0.02


class Seen(StrEnum):
    """What a stretch of the video gave."""

    JUDGED = "judged"
    ELSEWHERE = "elsewhere"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of the video of one kind; `words` say what it shows."""

    start: float
    end: float
    seen: Seen
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One finding: its highest probability over time in unbroken runs of (place, probability), and what was followed.

    tracks : (start, end) of each
    """

    title: str
    present: bool
    runs: tuple[tuple[tuple[float, float], ...], ...]
    tracks: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A key frame: its number, its place, and where the number stands so that it touches no other."""

    number: int
    place: float
    shown_at: float


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All lanes over one axis.

    ticks : place and time; marks : the key frames in time
    """

    ticks: tuple[tuple[float, str], ...]
    lanes: tuple[Lane, ...]
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]


def clock(seconds: float, *, tenths: bool = False) -> str:
    """`1:02:03`, `2:03` or, with tenths, `2:03.4`."""
    whole = round(seconds * 10) if tenths else round(seconds) * 10
    minutes, rest = divmod(whole, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{hours}:{minutes:02}:{rest // 10:02}" if hours else f"{minutes}:{rest // 10:02}"
    return f"{shown}.{rest % 10}" if tenths else shown


def of(examination: Examination, present: Sequence[tuple[str, bool]], texts: Texts) -> Timeline | None:
    """The timeline; None where no frame has a time.

    present : name of each finding in the reader's order, and whether the examination has it
    """
    frames = [frame for frame in examination.frames if frame.seconds is not None]
    if not frames:
        return None
    step = usual_step(frames)
    length = max(examination.seconds or 0.0, _time(frames[-1]) + step, 0.001)
    at = {frame.index: min(1.0, max(0.0, _time(frame) / length)) for frame in frames}
    shown = [(number, at[i]) for number, i in enumerate(examination.key_frames, start=1) if i in at]
    cells = _owners(frames, length, step)
    return Timeline(
        ticks=tuple(_ticks(length)),
        lanes=tuple(
            Lane(
                title=texts.finding(name).title,
                present=found,
                runs=tuple(_runs([_highest(name, cell) for cell in cells])),
                tracks=tuple(
                    (t.first_seconds / length, t.last_seconds / length) for t in examination.tracks if t.finding == name
                ),
            )
            for name, found in present
        ),
        stretches=tuple(_stretches(cells, texts)),
        marks=tuple(_marks(sorted((place, number) for number, place in shown))),
    )


def _marks(shown: Sequence[tuple[float, int]]) -> Iterator[Mark]:
    """Numbers are moved to the right, and at the right edge to the left, until they are a mark's width apart."""
    places: list[float] = []
    for place, _ in shown:
        places.append(max(place, places[-1] + _MARK_WIDTH) if places else place)
    for back in range(1, len(places) + 1):
        places[-back] = min(places[-back], 1.0 - (back - 1) * _MARK_WIDTH)
    for (place, number), shown_at in zip(shown, places, strict=True):
        yield Mark(number=number, place=place, shown_at=shown_at)


def usual_step(frames: Sequence[FrameRecord]) -> float:
    """Seconds between samples, as a rule; 0 for a single one."""
    gaps = [_time(b) - _time(a) for a, b in pairwise(frames)]
    return max(0.0, median(gaps)) if gaps else 0.0


def _time(frame: FrameRecord) -> float:
    return frame.seconds or 0.0


def _owners(frames: Sequence[FrameRecord], length: float, step: float) -> list[list[FrameRecord]]:
    """The frames that each cell of the axis shows; none where the video gave none for longer than usual."""
    cells: list[list[FrameRecord]] = [[] for _ in range(_CELLS)]
    for number, frame in enumerate(frames):
        begins = _time(frame)
        follows = _time(frames[number + 1]) if number + 1 < len(frames) else begins + step
        ends = min(follows, begins + max(step * _LONGEST_GAP, length / _CELLS))
        first = min(_CELLS - 1, max(0, int(begins / length * _CELLS)))
        for cell in cells[first : max(first + 1, min(_CELLS, round(ends / length * _CELLS)))]:
            cell.append(frame)
    return cells


def _ticks(length: float) -> Iterator[tuple[float, str]]:
    step = next((s for s in _TICK_STEPS if length / s <= _MOST_TICKS), _TICK_STEPS[-1])
    yield from ((n * step / length, clock(n * step)) for n in range(int(length / step) + 1))


def _runs(heights: Sequence[float | None]) -> Iterator[tuple[tuple[float, float], ...]]:
    for missing, run in groupby(enumerate(heights), key=lambda pair: pair[1] is None):
        if not missing:
            yield tuple(_corners(list(run)))


def _highest(name: str, cell: Sequence[FrameRecord]) -> float | None:
    """None where no frame judges the finding: a curve over what was not judged would be read as a judgement."""
    judged = (f for frame in cell for f in frame.findings if f.name == name and not f.not_judged)
    return max((f.probability for f in judged), default=None)


def _corners(run: Sequence[tuple[int, float | None]]) -> Iterator[tuple[float, float]]:
    """Steps: a level line over each stretch of equal cells."""
    for height, cells in groupby(run, key=lambda pair: round(pair[1] or 0.0, 3)):
        numbers = [number for number, _ in cells]
        yield from ((numbers[0] / _CELLS, height), ((numbers[-1] + 1) / _CELLS, height))


def _stretches(cells: Sequence[Sequence[FrameRecord]], texts: Texts) -> Iterator[Stretch]:
    for (seen, site), group in groupby(enumerate(cells), key=lambda pair: _seen(pair[1])):
        numbers = [number for number, _ in group]
        words = texts.site(site) if site else ""
        yield Stretch(start=numbers[0] / _CELLS, end=(numbers[-1] + 1) / _CELLS, seen=seen, words=words)


def _seen(cell: Sequence[FrameRecord]) -> tuple[Seen, str]:
    """What most of a cell's frames show; nothing at all is not judged."""
    if not cell:
        return Seen.UNJUDGED, ""
    kinds = {Status.READ: Seen.JUDGED, Status.UNSUPPORTED: Seen.ELSEWHERE}
    told = Counter((kinds.get(f.status, Seen.UNJUDGED), f.site if f.status in kinds else None) for f in cell)
    seen, site = told.most_common(1)[0][0]
    return seen, site or ""
