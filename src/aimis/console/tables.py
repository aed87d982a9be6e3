"""Readings as tables for a person: one photograph in full, or many in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aimis.console import examination_tables, scan_tables
from aimis.domain.reading import Classification, Finding, Reading, Status
from aimis.reports import document, scan_words
from aimis.reports.texts import EYE

if TYPE_CHECKING:
    from aimis.domain.reading import Source
    from aimis.pipeline.tally import Tally
    from aimis.reports.texts import Texts

STYLES = {Status.READ: "green", Status.NOT_ASSESSABLE: "yellow", Status.UNSUPPORTED: "yellow", Status.FAILED: "red"}
EYE_WIDTH, SECONDS_WIDTH = 11, 10


class PlainConsole(Console):
    """Takes names and words as they are: no markup, no emoji codes, no colouring of numbers."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file=file, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Whoever reads the table has had enough; the command decides what that means."""
        raise BrokenPipeError


def photograph(readings: Sequence[Reading], words: Texts) -> RenderableType:
    """Everything said of one picture or examination: its file and eye, then what each reader says of it."""
    shown, folded = _folded(readings)
    heading = Text(" · ".join(_heading(shown, words)), style="bold")
    parts: list[RenderableType] = [_reader(reading, words) for reading in shown]
    if folded:
        names = ", ".join(words.reader(reading.identity.reader) for reading in folded)
        parts.append(Text(words.label("cli-not-for", readers=names), style="dim"))
    return Group(heading, *(Padding(part, (0, 0, 0, 2)) for part in parts), Text())


def overview_header(words: Texts, width: int) -> RenderableType:
    """The heading of the table of many pictures, in a terminal of so many columns."""
    table = _overview(width)
    names = (words.label(key) for key in ("cli-file", "cli-eye", "cli-result", "cli-seconds"))
    table.add_row(*(Text(name, style="bold") for name in names))
    return table


def overview_row(readings: Sequence[Reading], words: Texts, width: int) -> RenderableType:
    """One picture in one row: its file, its eye, and what is present or why it was not read."""
    source = readings[0].source
    table = _overview(width)
    table.add_row(
        _end_of(_name(source, words), _file_width(width)),
        words.laterality(source.laterality, short=True) if source.laterality else _frames(readings[0], words),
        Text("\n").join(_results(_folded(readings)[0], words)),
        f"{readings[0].seconds:.3f}",
    )
    return table


def summary(tally: Tally, seconds: float, words: Texts) -> RenderableType:
    """How many pictures, how fast, what became of them and in how many each finding is present."""
    pictures = tally.pictures.total()
    statuses = ", ".join(
        words.label("cli-summary-status", count=tally.pictures[status], status=words.status(status).title)
        for status in Status
        if tally.pictures[status]
    )
    rate = f"{pictures / seconds:.1f}" if seconds > 0 else "-"
    each = f"{seconds / pictures:.1f}" if pictures else "-"
    values = {"items": _counted(tally, words), "seconds": f"{seconds:.1f}", "rate": rate, "each": each}
    key = "cli-summary-scans" if pictures and tally.scans == pictures else "cli-summary"
    head = words.label(key, **values, statuses=statuses)
    lines: list[RenderableType] = [Text(), Text(head, style="bold")]
    if tally.recalled:
        lines.append(Text(words.label("cli-recalled", count=tally.recalled)))
    if tally.present:
        lines.append(_present(tally, words))
    return Group(*lines)


def _counted(tally: Tally, words: Texts) -> str:
    """`9 images`, `2 examinations`, `3 scans`, or all of them."""
    counts = (
        ("cli-one-image", "cli-images", tally.pictures.total() - tally.examinations - tally.scans),
        ("cli-one-exam", "cli-exams", tally.examinations),
        ("cli-one-scan", "cli-scans", tally.scans),
    )
    named = [words.label(one if count == 1 else many, count=count) for one, many, count in counts if count]
    return ", ".join(named) or words.label("cli-images", count=0)


def _present(tally: Tally, words: Texts) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(words.label("cli-finding"), overflow="fold")
    table.add_column(words.label("cli-present-in"), justify="right", overflow="fold")
    for name, count in tally.present.most_common():
        table.add_row(words.finding(name).title, str(count))
    return table


def _overview(width: int) -> Table:
    """Of fixed widths, so that rows printed one by one stand under each other."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=_file_width(width), overflow="fold")
    table.add_column(width=EYE_WIDTH, overflow="fold")
    table.add_column(width=_free(width) - _file_width(width), overflow="fold")
    table.add_column(width=SECONDS_WIDTH, justify="right", overflow="fold")
    return table


def _folded(readings: Sequence[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Those to show, and those outside whose use a picture lies that another reader read."""
    if not any(reading.outcome.status is Status.READ for reading in readings):
        return list(readings), []
    outside = [reading for reading in readings if reading.outcome.status is Status.UNSUPPORTED]
    return [reading for reading in readings if reading.outcome.status is not Status.UNSUPPORTED], outside


def _heading(readings: Sequence[Reading], words: Texts) -> Iterator[str]:
    source, outcome = readings[0].source, readings[0].outcome
    yield _name(source, words)
    if outcome.examination is not None:
        yield examination_tables.what(outcome.examination, words)
    elif outcome.scan is not None:
        yield scan_tables.what(outcome.scan, words)
    elif source.laterality or all(words.subject_of(reading.identity.reader) == EYE for reading in readings):
        yield _eye(source, words)
    if source.size_px:
        yield words.label("size-value", columns=source.size_px[0], rows=source.size_px[1])
    yield words.label("seconds-value", seconds=f"{readings[0].seconds:.3f}")


def _eye(source: Source, words: Texts) -> str:
    eye, known_from = words.laterality(source.laterality), source.laterality_source
    return words.label("cli-laterality", eye=eye, source=words.laterality_source(known_from)) if known_from else eye


def _frames(reading: Reading, words: Texts) -> str:
    examination, scan = reading.outcome.examination, reading.outcome.scan
    if scan is not None:
        return words.label("cli-slices", count=scan.series.shape_zyx[0])
    return "" if examination is None else words.label("cli-frames", count=len(examination.frames))


def _name(source: Source, words: Texts) -> str:
    shown = source.path.encode(errors="replace").decode()  # a name that is no text must not end the table
    return shown if source.frame is None else f"{shown} · {words.label('frame', number=source.frame + 1)}"


def _reader(reading: Reading, words: Texts) -> RenderableType:
    """A reader's table, headed by its name, version and status."""
    identity, outcome = reading.identity, reading.outcome
    title = Text.assemble(
        (words.reader(identity.reader), "bold cyan"),
        f" {identity.version} · {words.operating_point(identity.operating_point)} · ",
        (words.status(outcome.status).title, f"bold {STYLES[outcome.status]}"),
    )
    parts: list[RenderableType] = [title]
    if outcome.findings and outcome.scan is None:
        parts.append(_findings(outcome.findings, words))
    facts = _facts(reading, words)
    if facts.row_count:
        parts.append(facts)
    if outcome.examination is not None:
        parts.append(examination_tables.examination(outcome.examination, words))
    if outcome.scan is not None and outcome.status is Status.READ:
        parts.append(scan_tables.scan(outcome.scan, words))
    return Group(*parts)


def _findings(findings: Iterable[Finding], words: Texts) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(words.label("cli-finding"), overflow="fold")
    table.add_column(words.label("probability"), justify="right", overflow="fold")
    table.add_column(words.label("cli-decision"), overflow="fold")
    for finding in findings:
        decision = words.label(decision_of(finding))
        shown = f"{finding.probability:.3f}"
        table.add_row(words.finding(finding.name).title, shown, decision, style=style_of(finding))
    return table


def decision_of(finding: Finding) -> str:
    """The label that says what is decided of a finding."""
    if finding.not_judged:
        return "cli-silent"
    if finding.marked:
        return "cli-mark"
    return "cli-yes" if finding.present else "cli-no"


def style_of(finding: Finding | None) -> str:
    """Red is for alarms alone."""
    if finding is None or not (finding.pointed_out or finding.not_judged):
        return ""
    return "bold red" if finding.present else "bold"


def _facts(reading: Reading, words: Texts) -> Table:
    """Grades, certainty, why it was not read or what limits it, and advice."""
    outcome = reading.outcome
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for grade in outcome.classifications:
        table.add_row(words.classification(grade.key), _grade(grade, words))
    if outcome.certainty is not None:
        table.add_row(words.label("certainty"), f"{outcome.certainty:.2f}")
    if outcome.reason is not None and not (outcome.scan and outcome.scan.limited and outcome.status is Status.READ):
        label = words.label("limited-by" if outcome.status is Status.READ else "reason")
        table.add_row(label, Text(words.reason(outcome.reason), style=STYLES[outcome.status]))
    for number, code in enumerate(outcome.advice):
        table.add_row("" if number else words.label("advice"), words.advice(code).text)
    return table


def _grade(grade: Classification, words: Texts) -> str:
    scale, meaning = words.grades(grade.key), words.grade(grade)
    if not scale:
        return meaning
    return words.label("cli-grade", value=grade.value, highest=scale[-1], meaning=meaning)


def _free(width: int) -> int:
    """Columns for the file's name and the result."""
    return max(30, width - EYE_WIDTH - SECONDS_WIDTH - 6)


def _file_width(width: int) -> int:
    return _free(width) * 2 // 5


def _end_of(name: str, width: int) -> str:
    """The name, or as much of its end as has room: files of a folder differ there."""
    if cell_len(name) <= width:
        return name
    while cell_len(name) > width - 1:
        name = name[1:]
    return f"…{name}"


def _results(readings: Sequence[Reading], words: Texts) -> list[Text]:
    """A line a reader; one for all of them where none could read the picture for the same reason."""
    reasons = {(reading.outcome.status, reading.outcome.reason) for reading in readings}
    if len(reasons) == 1 and readings[0].outcome.status is not Status.READ:
        return [_refusal(readings[0], words)]
    return [_result(reading, words) for reading in readings]


def _refusal(reading: Reading, words: Texts) -> Text:
    outcome = reading.outcome
    why = words.reason(outcome.reason) if outcome.reason else ""
    return Text(f"{words.status(outcome.status).title} · {why}", style=STYLES[outcome.status])


def _result(reading: Reading, words: Texts) -> Text:
    reader = f"{words.reader(reading.identity.reader)} · "
    if reading.outcome.status is not Status.READ:
        return Text(reader) + _refusal(reading, words)
    told = [finding for finding in reading.outcome.findings if finding.pointed_out or finding.not_judged]
    named = [finding for finding in told if not words.finding(finding.name).summary] or told
    if not named:
        return _nothing(reading, reader, words)
    shown = "; ".join(_named(finding, words) for finding in named)
    if reading.outcome.scan is not None:
        shown = scan_words.listed((shown, scan_tables.summary(reading.outcome.scan, words)), words)
    return Text(shown, style="bold red" if any(finding.present for finding in named) else "bold")


def _nothing(reading: Reading, reader: str, words: Texts) -> Text:
    """That nothing is above the operating point, or that something was not judged."""
    if document.is_silent(reading.outcome):
        return Text(f"{reader}{words.label('cli-not-judged-in-part')}", style="bold")
    return Text(f"{reader}{words.label('cli-nothing-present')}", style="dim")


def _named(finding: Finding, words: Texts) -> str:
    """Title and probability; of what is no alarm, what it is."""
    title = words.finding(finding.name).title
    if finding.present:
        return f"{title} {finding.probability:.2f}"
    return words.label("cli-told", what=title, said=words.label(decision_of(finding)))
