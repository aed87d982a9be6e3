"""The files of a report: JSON, HTML, PDF and the overlay, whole or not there."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from aimis.reports import document, examination, examination_pdf, html, montage, page, pdf, scan, scan_pdf, typeset
from aimis.reports import json as interface
from aimis.reports.case import Case, Eye, cases, cases_of, eye_of, stem_of
from aimis.reports.texts import CHEST, ENDOSCOPY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from aimis.domain.reading import Reading
    from aimis.imaging.still import Still
    from aimis.reports.texts import Texts
    from aimis.reports.views import Views

__all__ = [
    "Case",
    "Eye",
    "Written",
    "cases",
    "cases_of",
    "eye_of",
    "stem_of",
    "write_examination",
    "write_report",
    "write_scan",
]

_SCHEMA = 1
_OVERLAY_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where a report's files are.

    overlays : one for each single picture that is at hand; none of an examination
    montage : of an examination, its key frames that are at hand; None where there are none
    """

    json: Path
    html: Path
    pdf: Path
    overlays: tuple[Path, ...]
    montage: Path | None = None


def write_report(folder: Path, case: Case, texts: Texts) -> Written:
    """Write a case's report into a folder, which is made where it is not there.

    The names come from the inputs' own names, made safe, and tell same names in different places apart; the same
    input always has the same. Each file is written whole beside its place and then moved there.
    OSError: the folder cannot be written
    """
    shown, words = page.concerning(case, texts)
    composed = page.compose(shown, words)
    folder.mkdir(parents=True, exist_ok=True)
    overlays = _overlays(folder, composed, words)
    files = _files(folder, composed.stem)
    readings = [reading for eye in case.eyes for reading in eye.readings]
    _place(files["html"], html.render(composed, words).encode())
    _place(files["pdf"], pdf.render(composed, words))
    _place(files["json"], _document([eye.verdict for eye in composed.eyes], readings, composed, words).encode())
    return Written(**files, overlays=overlays)


def write_examination(folder: Path, reading: Reading, pictures: Mapping[int, Still], texts: Texts) -> Written:
    """Write an examination's report into a folder, as `write_report` does; its stem is `case.stem_of(reading.source)`.

    pictures : by frame index, at least those of the key frames that are at hand, of any size
    OSError: the folder cannot be written
    """
    words = texts.about(ENDOSCOPY)
    composed = examination.compose(reading, pictures, words)
    folder.mkdir(parents=True, exist_ok=True)
    files = _files(folder, composed.stem)
    with ThreadPoolExecutor(1) as beside:
        assembled = beside.submit(_montage, folder / f"{composed.stem}-montage.jpg", composed, words)
        _place(files["html"], html.render_examination(composed, words).encode())
        _place(files["pdf"], examination_pdf.render(composed, words))
        _place(files["json"], _document([composed.verdict], [reading], composed, words).encode())
    return Written(**files, overlays=(), montage=assembled.result())


def write_scan(folder: Path, reading: Reading, views: Views | None, texts: Texts) -> Written:
    """Write the report of a CT into a folder, as `write_report` does; its stem is `case.stem_of(reading.source)`.

    views : of `views.cut`; None where the volume is not at hand
    OSError: the folder cannot be written
    """
    words = texts.about(CHEST)
    composed = scan.compose(reading, views, words)
    folder.mkdir(parents=True, exist_ok=True)
    files = _files(folder, composed.stem)
    _place(files["html"], html.render_scan(composed, words).encode())
    _place(files["pdf"], scan_pdf.render(composed, words))
    guidelines = [asdict(guideline) for guideline in composed.guidelines]
    told = _document([composed.verdict], [reading], composed, words, guidelines=guidelines)
    _place(files["json"], told.encode())
    return Written(**files, overlays=())


def _files(folder: Path, stem: str) -> dict[str, Path]:
    return {suffix: folder / f"{stem}.{suffix}" for suffix in ("json", "html", "pdf")}


def _document(
    verdicts: Sequence[document.Verdict],
    readings: Sequence[Reading],
    composed: document.Document,
    texts: Texts,
    **more: Any,
) -> str:
    """What the report says as JSON: the readings as printed by `aimis read --json`, and whole as records."""
    told: dict[str, Any] = {
        "schema": _SCHEMA,
        "notice": texts.label("research-use"),
        "language": texts.language,
        "verdicts": [{"eye": verdict.whose, "level": verdict.level, "words": verdict.words} for verdict in verdicts],
        "readings": [interface.to_interface(reading, texts) for reading in readings],
        "advice": [
            {"urgency": a.urgency, "eyes": a.whose, "text": a.text, "citation": a.citation} for a in composed.advice
        ],
        **more,
        "records": [interface.to_record(reading) for reading in readings],
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"  # json's own indenting takes a second for a long video


def _montage(path: Path, composed: examination.ExaminationPage, texts: Texts) -> Path | None:
    drawn = montage.montage(composed.key_frames)
    if drawn is not None:
        words = f"{texts.label('title')} · {composed.file}", texts.label("research-use")
        _place(path, _captioned(drawn, words, montage.TEXT_PX))
    return None if drawn is None else path


def _overlays(folder: Path, composed: page.Page, texts: Texts) -> tuple[Path, ...]:
    paths = []
    for number, eye in enumerate(composed.eyes):
        if eye.drawn is not None:
            side = "" if len(composed.eyes) == 1 else ("-right", "-left")[number]
            paths.append(folder / f"{composed.stem}{side}-overlay.jpg")
            words = f"{eye.heading} · {eye.drawn_words}", texts.label("research-use")
            _place(paths[-1], _captioned(eye.drawn, words))
    return tuple(paths)


def _captioned(rgb: npt.NDArray[np.uint8], lines: tuple[str, ...], size_px: int | None = None) -> bytes:
    """A JPEG with a strip of words below, so that a picture that is passed on alone still says what it is."""
    columns = rgb.shape[1]
    size = size_px or max(10, columns // 52)
    strip = Image.new("RGB", (columns, round(size * 1.5 * len(lines) + size * 0.7)), "white")
    pen, letters = ImageDraw.Draw(strip), montage.font(size)
    for number, line in enumerate(lines):
        text = typeset.shortened(line, typeset.BOLD, size, columns - size)
        pen.text((size // 2, round(size * (0.2 + 1.5 * number))), text, fill="black", font=letters)
    return page.jpeg(np.vstack([rgb, np.asarray(strip)]), _OVERLAY_QUALITY)


def _place(path: Path, content: bytes) -> None:
    """Whole or not at all: written beside the place, then moved over what may be there."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
