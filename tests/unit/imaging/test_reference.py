"""The reference page names every reason that inputs can be refused for, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from aimis.domain.errors import BrokenInputError, CaseError, NotAssessableError, UnsupportedInputError

ROOT = Path(__file__).parents[3]
ERRORS: tuple[type[CaseError], ...] = (BrokenInputError, UnsupportedInputError, NotAssessableError)


def raised_codes(error: type[CaseError]) -> set[str]:
    folders = ("domain", "imaging", "ingest")
    sources = [source for folder in folders for source in (ROOT / "src/aimis" / folder).glob("*.py")]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    calls = re.findall(rf"{error.__name__}\(\s*([^)]*)", text)
    return {
        code for call in calls for code in re.findall(r'^"([a-z-]+)"|else "([a-z-]+)"', call) for code in code if code
    }


def documented_codes(error: type[CaseError]) -> set[str]:
    page = (ROOT / "docs/reference/inputs.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{error.status.value}` \| (.*) \|$", page, flags=re.MULTILINE)
    return set(re.findall(r"`([a-z-]+)`", row))


def test_reference_names_every_reason_under_its_status() -> None:
    assert {error: documented_codes(error) for error in ERRORS} == {error: raised_codes(error) for error in ERRORS}
