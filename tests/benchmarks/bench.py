"""`make bench`: speed and memory against their limits, where the time goes, and the ratio to a plain pipeline.

Timings mean something only on a machine that does nothing else. Exit status 1 where a limit is not held.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from aimis.inference import processor
from tests.benchmarks import measure, pictures

CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure against its limit.

    at_most : else the limit is the least
    """

    what: str
    unit: str
    limit: float
    values: tuple[float, ...]
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the median holds the limit."""
        middle = median(self.values)
        return middle <= self.limit if self.at_most else middle >= self.limit


def main() -> int:
    """Measure all rows and print them."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="aimis-bench-") as temporary:
        folder = Path(temporary)
        _say(f"making {asked.images} photographs of {pictures.COLUMNS} x {pictures.ROWS}")
        paths = pictures.make_photographs(folder / "small", asked.images)
        pictures.repeat_photographs(folder / "large", paths, asked.times)
        rows = list(_rows(folder, paths, asked))
        _print_rows(rows)
        _print_stages(paths, asked.repeats)
    return 0 if all(row.holds for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500, help="in the smaller folder")
    parser.add_argument("--times", type=int, default=10, help="the larger folder holds so many times as many")
    parser.add_argument("--repeats", type=int, default=20, help="of what is quick")
    parser.add_argument("--runs", type=int, default=3, help="of the smaller folder; the larger is read once")
    return parser.parse_args()


def _rows(folder: Path, paths: list[Path], asked: argparse.Namespace) -> Iterator[Row]:
    _say("one eye, warm")
    warm = measure.open_in_process()
    seconds = _repeated(lambda n: warm.one_eye(paths[n % len(paths)]), asked.repeats)
    yield Row(what="one eye, warm, all included", unit="ms", limit=100, values=_in_ms(seconds))
    _say("one eye, cold process")
    cold = _repeated(lambda n: measure.run_process("read", str(paths[n]), "--json").seconds, min(5, asked.repeats))
    yield Row(what="one eye, cold process", unit="s", limit=2, values=tuple(cold))
    _say(f"{asked.images} images, {asked.runs} times")
    small = [measure.run_process("read", str(folder / "small"), "--json") for _ in range(asked.runs)]
    _say(f"{asked.images * asked.times} images")
    large = [measure.run_process("read", str(folder / "large"), "--json")]
    yield from _folder_rows(small, large, asked.images, asked.times)
    _say("aimis --help")
    shown = _repeated(lambda _: measure.run_process("--help").seconds, asked.repeats)
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


def _repeated(action: Callable[[int], float], times: int) -> list[float]:
    """The values of so many runs, after three that do not count."""
    for number in range(min(3, times)):
        action(number)
    return [action(number) for number in range(times)]


def _in_ms(seconds: list[float]) -> tuple[float, ...]:
    return tuple(1e3 * value for value in seconds)


def _print_rows(rows: list[Row]) -> None:
    load = os.getloadavg()[0]
    title = f"{processor.usable_processors()} processors, load {load:.1f} when it ended"
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
    warm = measure.open_in_process()
    stages = measure.middle([warm.stages(paths[n % len(paths)]) for n in range(repeats + 3)][3:])
    reading = sum(taken for stage, taken in stages.items() if stage != "report")
    table = Table("stage", "median", "share of a reading", title="where the time goes, one photograph, warm")
    for stage, taken in stages.items():
        share = "beside the reading" if stage == "report" else f"{taken / reading:.0%}"
        table.add_row(stage, f"{1e3 * taken:.1f} ms", share)
    CONSOLE.print(table)
    plain = measure.plain_pipeline(warm.chosen[0].manifest.weights_path)
    ours = median(_repeated(lambda n: warm.one_eye(paths[n % len(paths)]), repeats))
    theirs = median(_repeated(lambda n: plain(paths[n % len(paths)]), repeats))
    engine = warm.tools.readers[0].reader.engine
    table = Table("pipeline", "median", "ratio", title="against a plain pipeline, in the same run")
    table.add_row("Pillow in full, ONNX Runtime float32, its defaults, no gates", f"{1e3 * theirs:.1f} ms", "1.00")
    table.add_row(f"aimis, {engine}, all included", f"{1e3 * ours:.1f} ms", f"{ours / theirs:.2f}")
    CONSOLE.print(table)


def _say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
