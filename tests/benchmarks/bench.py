"""`make bench`: speed and memory against their limits, where the time goes, and the ratio to a plain pipeline.

Timings mean something only on a machine that does nothing else. Exit status 1 where a limit is not held.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from aimis.inference import processor
from tests.benchmarks import endoscopy, examinations, live_bench, measure, pictures, scans
from tests.benchmarks.rows import Row, repeated

FUNDUS = ("diabetic-retinopathy", "fundus-disease")
EXAM_LIMIT_S, PRESS_FIGURE_S = 0.5, 4.0
"""Ours, and what the press reported of a system that reads an examination of as many pictures."""
HOPED_FOR_S = 1.5
PARTS = ("fundus", "examinations", "video", "live", "lung")

CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main() -> int:
    """Measure all rows and print them."""
    asked = _arguments()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="aimis-bench-", dir=asked.folder) as temporary:
        for part in asked.parts:
            measured = _MEASURED[part](Path(temporary), asked)
            rows += measured
            _print_rows(measured, part)
    return 0 if all(row.holds for row in rows) else 1


def _fundus(folder: Path, asked: argparse.Namespace) -> list[Row]:
    _say(f"making {asked.images} photographs of {pictures.COLUMNS} x {pictures.ROWS}")
    paths = pictures.make_photographs(folder / "small", asked.images)
    pictures.repeat_photographs(folder / "large", paths, asked.times)
    rows = list(_rows(folder, paths, asked))
    _print_stages(paths, asked.repeats)
    return rows


def _examinations(folder: Path, asked: argparse.Namespace) -> list[Row]:
    """The examination of stills: warm, cold, as DICOM; its parts; against four seconds and a plain pipeline."""
    reader = measure.reader_id(examinations.READER, examinations.TOY)
    of = "real frames, enlarged" if endoscopy.real_frames() else "a drawing, which the gates refuse"
    _say(f"making {endoscopy.STILLS} stills of {endoscopy.COLUMNS} x {endoscopy.ROWS} of {of}; reader {reader}")
    stills = endoscopy.make_stills(folder / "exam")
    dicom = endoscopy.make_dicom(folder / "dicom", stills)
    warm = examinations.open_warm(reader)
    _say("examination of stills, warm")
    seconds = repeated(lambda _: warm.to_report(stills), asked.repeats)
    in_dicom = repeated(lambda _: warm.to_report(dicom), asked.repeats)
    _say("examination of stills, cold process")
    cold = [examinations.cold(reader, stills) for _ in range(min(5, asked.repeats) + 1)][1:]
    _say(f"processor time of a cold process: {median(ended.processor_seconds for ended in cold):.2f} s")
    _print_examination_stages(warm, stills, asked.repeats, median(seconds))
    what = f"{endoscopy.STILLS} full-HD stills to the report"
    return [
        Row(what=f"{what}, JPEG, warm", unit="s", limit=EXAM_LIMIT_S, values=tuple(seconds)),
        Row(what=f"{what}, JPEG, cold process", unit="s", limit=2.5, values=tuple(ended.seconds for ended in cold)),
        Row(what=f"{what}, DICOM with JPEG, warm", unit="s", limit=0.6, values=tuple(in_dicom)),
        Row(
            what="four seconds against it, warm",
            unit="x",
            limit=PRESS_FIGURE_S / EXAM_LIMIT_S,
            values=tuple(PRESS_FIGURE_S / taken for taken in seconds),
            at_most=False,
        ),
    ]


def _video(folder: Path, asked: argparse.Namespace) -> list[Row]:
    reader = measure.reader_id(examinations.READER, examinations.TOY)
    long, short = asked.video_seconds, max(20, asked.video_seconds // 5)
    _say(f"making videos of {long} and {short} s; reader {reader}")
    paths = [endoscopy.make_video(folder / f"{length}.mp4", seconds=length) for length in (long, short)]
    _say("reading them")
    whole, part = (examinations.video(reader, path) for path in paths)
    _say(f"processor time of the longer: {whole.processor_seconds:.0f} s")
    if {whole.status, part.status} - {0, 3}:
        raise SystemExit("a video was not read to its end")
    what = f"{long / 60:g} minutes of 1080p25 H.264 to the report"
    return [
        Row(what=what, unit="s", limit=long / 10, values=(whole.seconds,)),
        Row(what=f"peak memory, {what}", unit="MB", limit=1000, values=(whole.peak_bytes / 1e6,)),
        Row(
            what=f"peak memory, {long} s against {short} s",
            unit="x",
            limit=1.2,
            values=(whole.peak_bytes / part.peak_bytes,),
        ),
    ]


def _live(_folder: Path, asked: argparse.Namespace) -> list[Row]:
    reader = measure.reader_id(examinations.READER, examinations.TOY)
    _say(f"live, {asked.live_seconds} s; reader {reader}")
    return live_bench.rows(reader, asked.live_seconds)


def _lung(folder: Path, asked: argparse.Namespace) -> list[Row]:
    """A chest CT: warm, cold, twice as long, in JPEG 2000; its parts; in other engines and precisions."""
    reader = measure.reader_id(scans.READER, scans.TOY)
    _say(f"drawing chests of {scans.SLICES} slices of {scans.SIDE} x {scans.SIDE}; reader {reader}")
    drawn = scans.make(folder)
    warm = scans.open_warm(reader)
    _say("CT, warm")
    seconds = repeated(lambda _: warm.to_report(drawn.whole), min(5, asked.repeats))
    decoded = [scans.decoding(warm, drawn.compressed) for _ in range(min(5, asked.repeats))]
    _say("CT, cold process")
    cold = [scans.cold(reader, drawn.whole) for _ in range(min(5, asked.repeats) + 1)][1:]
    twice = scans.cold(reader, drawn.twice)
    if {ended.status for ended in (*cold, twice)} != {0}:
        raise SystemExit("a scan was not read")
    _print_scan_stages(warm, drawn, asked.repeats)
    _print_engines(reader, drawn, asked.repeats)
    what, few = f"{scans.SLICES} slices, uncompressed, to the report", f"{scans.FEW_SLICES} slices of JPEG 2000"
    return [
        Row(what=f"{what}, warm (hoped for: {HOPED_FOR_S:g} s)", unit="s", limit=4.0, values=tuple(seconds)),
        Row(what=f"{what}, cold process", unit="s", limit=5.5, values=tuple(ended.seconds for ended in cold)),
        Row(
            what=f"cores busy while {few} are decoded",
            unit="cores",
            limit=1.5,
            values=tuple(each.cores for each in decoded),
            at_most=False,
        ),
        Row(what=f"peak memory, {2 * scans.SLICES} slices", unit="MB", limit=2500, values=(twice.peak_bytes / 1e6,)),
    ]


def _print_scan_stages(warm: scans.Warm, drawn: scans.Drawn, repeats: int) -> None:
    title = f"where the time goes, one CT, warm, {warm.reader.engine}"
    table = Table("stage", f"{scans.SLICES} uncompressed", f"{scans.FEW_SLICES} JPEG 2000", title=title)
    whole, few = (
        measure.middle([warm.stages(folder) for _ in range(max(1, repeats // 4))])
        for folder in (drawn.whole, drawn.compressed)
    )
    for stage, taken in whole.items():
        table.add_row(stage, f"{1e3 * taken:.0f} ms", f"{1e3 * few[stage]:.0f} ms")
    CONSOLE.print(table)


def _print_engines(reader: str, drawn: scans.Drawn, repeats: int) -> None:
    """The volume read, decoding and report left out, against the same networks on plain ONNX Runtime."""
    read = list(scans.engines(reader, drawn.whole, max(1, repeats // 4)))
    columns = ("engine", "reading", "ratio to the last", "probability differs by at most", "same nodules", "not paired")
    table = Table(*columns, title="the same networks in other engines and precisions, against the first")
    for one in read:
        ratio = f"{one.seconds / read[-1].seconds:.2f}"
        same = "yes" if one.same else "no"
        table.add_row(one.name, f"{1e3 * one.seconds:.0f} ms", ratio, f"{one.furthest:.4f}", same, str(one.others))
    CONSOLE.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500, help="in the smaller folder")
    parser.add_argument("--times", type=int, default=10, help="the larger folder holds so many times as many")
    parser.add_argument("--repeats", type=int, default=20, help="of what is quick")
    parser.add_argument("--runs", type=int, default=3, help="of the smaller folder; the larger is read once")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured; else all")
    parser.add_argument("--video-seconds", type=int, default=600, help="length of the longer video")
    parser.add_argument("--live-seconds", type=int, default=600, help="how long a stream is watched live")
    parser.add_argument("--folder", help="where files are made, else among the temporary ones")
    return parser.parse_args()


def _rows(folder: Path, paths: list[Path], asked: argparse.Namespace) -> Iterator[Row]:
    _say("one eye, warm")
    for readers, whose in ((FUNDUS, "all included"), ((), "by every reader")):
        warm = measure.open_in_process(*readers)
        seconds = repeated(partial(_one_eye, warm, paths), asked.repeats)
        yield Row(what=f"one eye, warm, {whose}", unit="ms", limit=100, values=_in_ms(seconds))
    _say("one eye, cold process")
    cold = repeated(lambda n: measure.run_process(*_read(paths[n])).seconds, min(5, asked.repeats))
    yield Row(what="one eye, cold process", unit="s", limit=2, values=tuple(cold))
    _say(f"{asked.images} images, {asked.runs} times")
    small = [measure.run_process(*_read(folder / "small")) for _ in range(asked.runs)]
    _say(f"{asked.images * asked.times} images")
    large = [measure.run_process(*_read(folder / "large"))]
    yield from _folder_rows(small, large, asked.images, asked.times)
    _say("aimis --help")
    shown = repeated(lambda _: measure.run_process("--help").seconds, asked.repeats)
    yield Row(what="aimis --help", unit="s", limit=0.3, values=tuple(shown))


def _folder_rows(small: list[measure.Ended], large: list[measure.Ended], images: int, times: int) -> Iterator[Row]:
    if any(ended.status not in (0, 3) for ended in (*small, *large)):
        raise SystemExit("a folder was not read to its end")
    rates = [tuple(n / ended.seconds for ended in e) for n, e in ((images, small), (images * times, large))]
    peaks = [tuple(ended.peak_bytes / 1e6 for ended in runs) for runs in (small, large)]
    for count, rate in zip((images, images * times), rates, strict=True):
        yield Row(what=f"folder of {count}", unit="images/s", limit=25, values=rate, at_most=False)
    rate_ratio = median(rates[1]) / median(rates[0])
    yield Row(
        what=f"rate, {images * times} against {images}", unit="x", limit=0.95, values=(rate_ratio,), at_most=False
    )
    for count, peak in zip((images, images * times), peaks, strict=True):
        yield Row(what=f"peak memory, folder of {count}", unit="MB", limit=700, values=peak)
    peak_ratio = median(peaks[1]) / median(peaks[0])
    yield Row(what=f"peak memory, {images * times} against {images}", unit="x", limit=1.1, values=(peak_ratio,))


def _one_eye(warm: measure.InProcess, paths: list[Path], number: int) -> float:
    return warm.one_eye(paths[number % len(paths)])


def _read(path: Path) -> list[str]:
    """The command that reads fundus photographs as such."""
    return ["read", str(path), "--json", *chain.from_iterable(("--reader", reader) for reader in FUNDUS)]


def _in_ms(seconds: list[float]) -> tuple[float, ...]:
    return tuple(1e3 * value for value in seconds)


def _print_rows(rows: list[Row], part: str) -> None:
    load = os.getloadavg()[0]
    title = f"{part}, {processor.usable_processors()} processors, load {load:.1f} when it ended"
    table = Table("what", "limit", "median", "min - max", "median / limit", "", title=title)
    for row in rows:
        middle, low, high = median(row.values), min(row.values), max(row.values)
        table.add_row(
            row.what,
            f"{'at most' if row.at_most else 'at least'} {row.limit:g} {row.unit}",
            f"{middle:.3g} {row.unit}",
            f"{low:.3g} - {high:.3g}" if len(row.values) > 1 else "one run",
            f"{middle / row.limit:.2f}",
            "[green]holds[/green]" if row.holds else "[bold red]does not hold[/bold red]",
        )
    CONSOLE.print(table)


def _print_stages(paths: list[Path], repeats: int) -> None:
    """Where the time of one photograph goes, and how the whole compares with a plain pipeline."""
    warm = measure.open_in_process(*FUNDUS)
    stages = measure.middle([warm.stages(paths[n % len(paths)]) for n in range(repeats + 3)][3:])
    reading = sum(taken for stage, taken in stages.items() if stage != "report")
    table = Table("stage", "median", "share of a reading", title="where the time goes, one photograph, warm")
    for stage, taken in stages.items():
        share = "beside the reading" if stage == "report" else f"{taken / reading:.0%}"
        table.add_row(stage, f"{1e3 * taken:.1f} ms", share)
    CONSOLE.print(table)
    plain = measure.plain_pipeline(warm.chosen[0].manifest.weights_path)
    ours = median(repeated(lambda n: warm.one_eye(paths[n % len(paths)]), repeats))
    theirs = median(repeated(lambda n: plain(paths[n % len(paths)]), repeats))
    engine = warm.tools.readers[0].open().reader.engine
    table = Table("pipeline", "median", "ratio", title="against a plain pipeline, in the same run")
    table.add_row("Pillow in full, ONNX Runtime float32, its defaults, no gates", f"{1e3 * theirs:.1f} ms", "1.00")
    table.add_row(f"aimis, {engine}, all included", f"{1e3 * ours:.1f} ms", f"{ours / theirs:.2f}")
    CONSOLE.print(table)


def _print_examination_stages(warm: examinations.Warm, stills: Path, repeats: int, ours: float) -> None:
    """Where the time of an examination goes, on one thread, and how the whole compares with a plain pipeline."""
    stages = measure.middle([warm.stages(stills) for _ in range(max(1, repeats // 4))])
    table = Table("stage", "median", "share", title=f"where the time goes, one thread after another, {warm.engine}")
    for stage, taken in stages.items():
        table.add_row(stage, f"{1e3 * taken:.0f} ms", f"{taken / sum(stages.values()):.0%}")
    CONSOLE.print(table)
    weights = warm.chosen[0].manifest.weights_path
    if weights.suffix != ".onnx":
        return
    plain = measure.plain_pipeline(weights)
    paths = sorted(stills.iterdir())
    theirs = median([sum(map(plain, paths)) for _ in range(min(3, repeats))])
    table = Table("pipeline", "median", "ratio", title="against a plain pipeline, in the same run")
    table.add_row("Pillow in full, ONNX Runtime float32, its defaults, no report", f"{theirs:.2f} s", "1.00")
    table.add_row(f"aimis, {warm.engine}, to the written report", f"{ours:.2f} s", f"{ours / theirs:.2f}")
    CONSOLE.print(table)


def _say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


_MEASURED = {"fundus": _fundus, "examinations": _examinations, "video": _video, "live": _live, "lung": _lung}

if __name__ == "__main__":
    sys.exit(main())
