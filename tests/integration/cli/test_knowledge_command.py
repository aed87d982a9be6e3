"""`aimis knowledge`: counts, faults and pages of a set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("language", "said"), [("en", "conditions"), ("zh", "疾病")])
def test_default_set_is_counted_and_sound(run: Run, language: str, said: str) -> None:
    result = run("knowledge", "--language", language)
    assert result.exit_code == 0
    assert said in result.stdout


def test_pages_are_written_one_a_condition_and_linked(run: Run, tmp_path: Path) -> None:
    assert run("knowledge", "--pages", tmp_path / "pages", "--language", "zh").exit_code == 0
    pages = {path.name for path in (tmp_path / "pages").iterdir()}
    index = (tmp_path / "pages" / "index.md").read_text(encoding="utf-8")
    assert len(pages) > 250
    assert [name for name in pages - {"index.md"} if f"({name})" not in index] == []


def test_set_with_faults_names_them(run: Run) -> None:
    result = run("knowledge", "ddxplus", "--language", "en")
    assert result.exit_code == 1
    assert "zh has no Chinese" in result.stdout


def test_set_that_is_not_there_is_wrong_usage(run: Run) -> None:
    result = run("knowledge", "nonsense")
    assert result.exit_code == 2
    assert "primary" in result.stderr
