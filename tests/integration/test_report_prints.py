"""The HTML report as a browser prints it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aimis.domain.examination import Examination
from aimis.domain.reading import Laterality, Outcome, Status
from aimis.reports import examination, html, page
from aimis.reports.case import Case
from tests.unit.reports import endoscopies
from tests.unit.reports.samples import NORMAL, REFERABLE, eye, refused, texts

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync".split()  # noqa: SIM905


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not there")
@pytest.mark.parametrize("other", [NORMAL, refused(Status.NOT_ASSESSABLE, "out-of-focus")], ids=["normal", "unread"])
def test_report_of_two_eyes_prints_on_one_page(other: dict[str, Outcome], tmp_path: Path) -> None:
    words = texts()
    eyes = eye(REFERABLE, "r.jpg", side=Laterality.RIGHT), eye(other, "l.jpg", side=Laterality.LEFT)
    assert pages_printed(html.render(page.compose(Case(eyes=eyes), words), words), tmp_path) == 1


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not there")
@pytest.mark.parametrize("made", [endoscopies.stills(48, 8), endoscopies.video()], ids=["stills", "video"])
def test_report_of_an_examination_prints_on_two_pages(made: Examination, tmp_path: Path) -> None:
    words, shown = endoscopies.words(), endoscopies.pictures(made.key_frames)
    composed = examination.compose(endoscopies.reading(made), shown, words)
    assert pages_printed(html.render_examination(composed, words), tmp_path) == 2


def pages_printed(markup: str, tmp_path: Path) -> int:
    (tmp_path / "report.html").write_text(markup, encoding="utf-8")
    printed = tmp_path / "report.pdf"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(CHROMIUM), *QUIET, profile, "--no-pdf-header-footer", f"--print-to-pdf={printed}"]
    subprocess.run([*command, (tmp_path / "report.html").as_uri()], check=True, capture_output=True, timeout=120)
    return len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
