"""`aimis report`: the reports of an earlier run written again from its record, nothing read anew."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from aimis import bootstrap, settings
from aimis.console import words
from aimis.console.reporting import Reports
from aimis.console.tables import PlainConsole
from aimis.domain.errors import CaseError, UsageError
from aimis.imaging.decode import decode
from aimis.ingest import folder as inputs
from aimis.reports import case as cases
from aimis.reports import json as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aimis.domain.reading import Reading, Source
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still
    from aimis.reports.case import Eye

ALL_THERE, SOME_PHOTOGRAPHS_GONE = 0, 3


def rewrite(record: Path, into: Path, *, language: str | None) -> int:
    """Write a report for each case of a record; 3 where a photograph is gone or has changed.

    UsageError: the record is not there or damaged
    """
    if not record.is_file():
        raise UsageError(f"{record} is not there. Name the readings.jsonl that `aimis read --report DIR` left in DIR")
    site = settings.load_settings()
    found = bootstrap.find_readers(site)
    texts = words.load_words(language or site.language, [m.text_paths for m in found.manifests.values()])
    beside = PlainConsole(sys.stderr)
    photographs = _Photographs(
        limits=bootstrap.limits_of(site),
        missing=lambda path: beside.print(texts.label("cli-no-picture", path=path), soft_wrap=True),
    )
    reports = Reports(folder=into, words=texts)
    for case in cases.cases_of(_eyes(records.readings(record), photographs.of)):
        reports.write(case, new=True)
    for line in reports.notes():
        PlainConsole(sys.stdout).print(line, soft_wrap=True)
    return SOME_PHOTOGRAPHS_GONE if photographs.gone else ALL_THERE


def _eyes(readings: Iterator[Reading], photograph: Callable[[Source], Still | None]) -> Iterator[Eye]:
    """The pictures of a record, each once with the last that each reader said of it where neighbours repeat it."""
    for _, group in groupby(readings, key=lambda reading: (reading.source.path, reading.source.frame)):
        last = {reading.identity.reader: reading for reading in group}
        said = tuple(last.values())
        yield cases.eye_of(said, photograph(said[0].source))


@dataclass(kw_only=True)
class _Photographs:
    """Finds the pictures of a record again; those that are not what was read are left out."""

    limits: Limits
    missing: Callable[[str], None]
    gone: int = 0

    def of(self, source: Source) -> Still | None:
        """The picture, or None where its file is gone, changed or could never be decoded."""
        if source.size_px is None:
            return None
        still = next((s for s in self._stills(source) if s.frame == source.frame), None)
        if still is None:
            self.gone += 1
            self.missing(source.path)
        return still

    def _stills(self, source: Source) -> Iterator[Still]:
        for item in inputs.find_items([_file_of(source.path)], limits=self.limits):
            if item.path == source.path:
                try:
                    content = item.load()
                    if hashlib.sha256(content).hexdigest() == source.sha256:
                        yield from decode(content, source.path, limits=self.limits)
                except CaseError:
                    return


def _file_of(path: str) -> str:
    """The archive of a zip's member, else the path itself."""
    head, marker, _ = path.partition(".zip/")
    return head + marker.rstrip("/") if marker else path
