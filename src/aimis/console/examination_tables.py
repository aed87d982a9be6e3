"""An examination as tables for a person: what was judged, the frames to look at first, lesions in time, stations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table

from aimis.domain.examination import ExaminationKind
from aimis.domain.reading import Status

if TYPE_CHECKING:
    from aimis.domain.examination import Examination, FrameRecord, Station
    from aimis.domain.reading import Finding
    from aimis.reports.texts import Texts

MOST_REASONS = 6
"""Why frames were not judged: so many reasons are named, the most frequent first."""


def examination(found: Examination, words: Texts) -> RenderableType:
    """All of it, to stand under a reader's findings."""
    parts = [_facts(found, words), _key_frames(found, words), _tracks(found, words)]
    return Group(*(part for part in parts if part.row_count))


def what(found: Examination, words: Texts) -> str:
    """`48 frames`, or `video of 10:02`."""
    if found.kind is ExaminationKind.VIDEO and found.seconds is not None:
        return words.label("cli-video", length=clock(found.seconds))
    return words.label("cli-frames", count=len(found.frames))


def clock(seconds: float) -> str:
    """`1:02:03`, without hours `2:03`; whole seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _facts(found: Examination, words: Texts) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if found.frames:
        table.add_row(words.label("cli-judged"), _judged(found.frames, words))
    for number, line in enumerate(_reasons(found.frames, words)):
        table.add_row("" if number else words.label("cli-not-judged"), line)
    for key, stations in _by_seen(found.stations):
        named = ", ".join(f"{words.site(s.site)} ({s.frames})" if s.frames else words.site(s.site) for s in stations)
        table.add_row(words.label(key), named)
    return table


def _judged(frames: Sequence[FrameRecord], words: Texts) -> str:
    judged = sum(frame.status is Status.READ for frame in frames)
    return words.label("cli-judged-of", judged=judged, total=len(frames))


def _reasons(frames: Sequence[FrameRecord], words: Texts) -> Iterator[str]:
    told = Counter(frame.reason for frame in frames if frame.status is not Status.READ and frame.reason)
    for reason, count in told.most_common(MOST_REASONS):
        yield words.label("cli-times", count=count, what=words.reason(reason))
    if len(told) > MOST_REASONS:
        yield words.label("cli-more-reasons", count=len(told) - MOST_REASONS)


def _by_seen(stations: Sequence[Station]) -> Iterator[tuple[str, list[Station]]]:
    """Those photographed and those missing, as far as there are any."""
    seen = [station for station in stations if station.frames]
    missing = [station for station in stations if not station.frames]
    yield from ((key, some) for key, some in (("cli-stations", seen), ("cli-stations-missing", missing)) if some)


def _key_frames(found: Examination, words: Texts) -> Table:
    table = _table(words, "cli-look-first", "cli-site", "cli-finding", "probability")
    by_index = {frame.index: frame for frame in found.frames}
    for frame in (by_index[index] for index in found.key_frames if index in by_index):
        site = words.site(frame.site) if frame.site else ""
        finding = max(frame.findings, key=_worth, default=None)
        said = (_title(finding, words), f"{finding.probability:.3f}") if finding else (_unread(frame, words), "")
        table.add_row(_place(frame), site, *said, style="bold red" if finding and finding.present else "")
    return table


def _tracks(found: Examination, words: Texts) -> Table:
    table = _table(words, "cli-lesion", "cli-finding", "probability")
    for track in found.tracks:
        span = f"{clock(track.first_seconds)} - {clock(track.last_seconds)}"
        table.add_row(span, words.finding(track.finding).title, f"{track.probability:.3f}")
    return table


def _table(words: Texts, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for key in columns:
        table.add_column(words.label(key), justify="right" if key == "probability" else "left", overflow="fold")
    return table


def _worth(finding: Finding) -> tuple[bool, bool, float]:
    """An alarm first, then what was not judged."""
    return finding.present, finding.not_judged, finding.probability


def _title(finding: Finding, words: Texts) -> str:
    """What it is, and of what is no alarm what kind of statement it is."""
    title = words.finding(finding.name).title
    if finding.present or not (finding.marked or finding.not_judged):
        return title
    return words.label("cli-told", what=title, said=words.label("cli-mark" if finding.marked else "cli-silent"))


def _unread(frame: FrameRecord, words: Texts) -> str:
    """Why a frame to look at was not read."""
    return "" if frame.reason is None else words.reason(frame.reason)


def _place(frame: FrameRecord) -> str:
    return frame.name if frame.seconds is None else clock(frame.seconds)
