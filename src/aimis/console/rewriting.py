"""`aimis report`: the reports of an earlier run written again from its record, nothing read anew."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from aimis import bootstrap, settings
from aimis.console import words
from aimis.console.reporting import Reports
from aimis.console.tables import PlainConsole
from aimis.domain.errors import CaseError, UsageError
from aimis.domain.reading import Status
from aimis.imaging.decode import decode
from aimis.ingest import examinations, folder
from aimis.ingest.examinations import Examinations
from aimis.pipeline import examine, volumes
from aimis.pipeline.tools import ExaminationItem, VolumeItem
from aimis.reports import case as cases
from aimis.reports import json as records
from aimis.reports.texts import CHEST

if TYPE_CHECKING:
    from pathlib import Path

    from aimis.domain.examination import ExaminationKind
    from aimis.domain.reading import Reading, Source
    from aimis.imaging.limits import Limits
    from aimis.imaging.still import Still
    from aimis.reports.case import Eye
    from aimis.reports.texts import Texts
    from aimis.reports.views import Views

ALL_THERE, SOME_PHOTOGRAPHS_GONE = 0, 3


def rewrite(record: Path, into: Path, *, language: str | None) -> int:
    """Write a report for each case of a record; 3 where a photograph is gone or has changed.

    UsageError: the record is not there or damaged
    """
    if not record.is_file():
        raise UsageError(f"{record} is not there. Name the readings.jsonl that `aimis read --report DIR` left in DIR")
    site = settings.load_settings()
    found = bootstrap.find_readers(site)
    named = {reading.identity.reader for reading in records.readings(record)}  # another's words may differ
    spoken = [manifest.text_paths for reader, manifest in found.manifests.items() if reader in named]
    texts = words.load_words(language or site.language, spoken)
    beside = PlainConsole(sys.stderr)
    photographs = _Photographs(
        limits=bootstrap.limits_of(site),
        frame_limits=bootstrap.examination_limits((), site),
        missing=lambda path: beside.print(texts.label("cli-no-picture", path=path), soft_wrap=True),
    )
    reports = Reports(folder=into, words=texts)
    for case in cases.cases_of(_eyes(records.readings(record), photographs, reports)):
        reports.write(case, new=True)
    for line in reports.notes():
        PlainConsole(sys.stdout).print(line, soft_wrap=True)
    return SOME_PHOTOGRAPHS_GONE if photographs.gone else ALL_THERE


def _eyes(readings: Iterator[Reading], photographs: _Photographs, reports: Reports) -> Iterator[Eye]:
    """The pictures of a record, each once with the last that each reader said of it where neighbours repeat it.

    An examination or a scan waits for no other eye: its report is written when it comes.
    """
    for _, group in groupby(readings, key=cases.picture_of):
        said = tuple({reading.identity.reader: reading for reading in group}.values())
        if said[0].outcome.examination is not None:
            for reading in said:
                reports.write_examination(reading, partial(photographs.of_examination, reading), new=True)
        elif _is_scan(said[0], reports.words):
            for reading in said:
                reports.write_scan(reading, photographs.of_scan, new=True)
        else:
            yield cases.eye_of(said, photographs.of(said[0].source))


def _is_scan(reading: Reading, texts: Texts) -> bool:
    """Of a scan that could not be loaded the reader alone tells."""
    of_chest = texts.subject_of(reading.identity.reader) == CHEST and reading.source.size_px is None
    return reading.outcome.scan is not None or of_chest


@dataclass(kw_only=True)
class _Photographs:
    """Finds the pictures of a record again; those that are not what was read are left out."""

    limits: Limits
    frame_limits: Limits
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

    def of_examination(self, reading: Reading) -> Mapping[int, Still]:
        """The key frames' pictures by index, none where the files are gone or changed."""
        examination = reading.outcome.examination
        if examination is None or not examination.key_frames:
            return {}
        for item in self._examinations(reading.source.path, examination.kind):
            try:
                return examine.key_pictures(item, examination.key_frames, sha256=reading.source.sha256)
            except CaseError:
                continue
        self.gone += 1
        self.missing(reading.source.path)
        return {}

    def of_scan(self, reading: Reading) -> Views | None:
        """The pictures of a scan that was read, none where its files are gone or changed."""
        if reading.outcome.status is not Status.READ:
            return None
        found = examinations.find_inputs(
            [_file_of(reading.source.path)], limits=self.limits, examinations=Examinations.NONE, volumes=True
        )
        for item in found:
            if isinstance(item, VolumeItem) and item.path == reading.source.path:
                try:
                    return volumes.views_again(item, reading, bootstrap.cut_views)
                except CaseError:
                    continue
        self.gone += 1
        self.missing(reading.source.path)
        return None

    def _examinations(self, path: str, kind: ExaminationKind) -> Iterator[ExaminationItem]:
        """What may have been read: all stills of the path, or one of the series in the folder."""
        for taken in (Examinations.WHOLE, Examinations.FOUND):
            for item in examinations.find_inputs([_file_of(path)], limits=self.frame_limits, examinations=taken):
                if isinstance(item, ExaminationItem) and (item.path, item.kind) == (path, kind):
                    yield item

    def _stills(self, source: Source) -> Iterator[Still]:
        for item in folder.find_items([_file_of(source.path)], limits=self.limits):
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
