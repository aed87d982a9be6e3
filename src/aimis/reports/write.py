"""The files of a report: JSON, HTML, PDF and the overlay, whole or not there."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aimis.reports import html, page, pdf, typeset
from aimis.reports import json as interface
from aimis.reports.case import Case, Eye, cases, cases_of, eye_of, stem_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from aimis.domain.reading import Reading
    from aimis.imaging.still import Still
    from aimis.reports.texts import Texts

__all__ = ["Case", "Eye", "Written", "cases", "cases_of", "eye_of", "stem_of", "write_examination", "write_report"]

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
    folder.mkdir(parents=True, exist_ok=True)
    composed = page.compose(case, texts)
    overlays = _overlays(folder, composed, texts)
    files = {suffix: folder / f"{composed.stem}.{suffix}" for suffix in ("json", "html", "pdf")}
    _place(files["html"], html.render(composed, texts).encode())
    _place(files["pdf"], pdf.render(composed, texts))
    _place(files["json"], _document(case, composed, texts).encode())
    return Written(**files, overlays=overlays)


def write_examination(folder: Path, reading: Reading, pictures: Mapping[int, Still], texts: Texts) -> Written:
    """Write an examination's report into a folder, as `write_report` does; its stem is `case.stem_of(reading.source)`.

    pictures : by frame index, at least those of the key frames that are at hand, of any size
    OSError: the folder cannot be written
    """
    shown = reading.outcome.examination.key_frames if reading.outcome.examination else ()
    first = next((pictures[index] for index in shown if index in pictures), None)
    return write_report(folder, Case(eyes=(eye_of([reading], first),)), texts)


def _document(case: Case, composed: page.Page, texts: Texts) -> str:
    """What the report says as JSON: the readings as printed by `aimis read --json`, and whole as records."""
    readings = [reading for eye in case.eyes for reading in eye.readings]
    document: dict[str, Any] = {
        "schema": _SCHEMA,
        "notice": texts.label("research-use"),
        "language": texts.language,
        "verdicts": [{"eye": e.verdict.eye, "level": e.verdict.level, "words": e.verdict.words} for e in composed.eyes],
        "readings": [interface.to_interface(reading, texts) for reading in readings],
        "advice": [
            {"urgency": a.urgency, "eyes": a.eyes, "text": a.text, "citation": a.citation} for a in composed.advice
        ],
        "records": [interface.to_record(reading) for reading in readings],
    }
    return json.dumps(document, indent=1) + "\n"


def _overlays(folder: Path, composed: page.Page, texts: Texts) -> tuple[Path, ...]:
    paths = []
    for number, eye in enumerate(composed.eyes):
        if eye.drawn is not None:
            side = "" if len(composed.eyes) == 1 else ("-right", "-left")[number]
            paths.append(folder / f"{composed.stem}{side}-overlay.jpg")
            words = f"{eye.heading} · {eye.drawn_words}", texts.label("research-use")
            _place(paths[-1], _captioned(eye.drawn, words))
    return tuple(paths)


def _captioned(rgb: npt.NDArray[np.uint8], lines: tuple[str, ...]) -> bytes:
    """A JPEG with a strip of words below, so that a picture that is passed on alone still says what it is."""
    columns = rgb.shape[1]
    size = max(10, columns // 52)
    strip = Image.new("RGB", (columns, round(size * 1.5 * len(lines) + size * 0.7)), "white")
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        text = typeset.shortened(line, typeset.BOLD, size, columns - size)
        pen.text((size // 2, round(size * (0.2 + 1.5 * number))), text, fill="black", font=_font(size))
    stream = BytesIO()
    Image.fromarray(np.vstack([rgb, np.asarray(strip)])).save(stream, "JPEG", quality=_OVERLAY_QUALITY)
    return stream.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(typeset.font_file(typeset.BOLD)), size)


def _place(path: Path, content: bytes) -> None:
    """Whole or not at all: written beside the place, then moved over what may be there."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
