"""`aimis readers`, `doctor`, `report` and the program's own options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from aimis import cli
from aimis.console import translation
from tests.integration.cli.conftest import FIXTURES, READERS, Run, lines

HEAVY = (
    "numpy",
    "cv2",
    "openvino",
    "onnxruntime",
    "pydantic",
    "jinja2",
    "reportlab",
    "pydicom",
    "PIL",
    "rich",
    "psutil",
)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nsys.argv = ['aimis', '--help']\nfrom aimis import cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', *sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Usage: aimis" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--help"], "en", "Read photographs"),
        (["--help"], "zh", "判读照片"),
        (["read", "--language", "zh", "--help"], "en", "同时判读的文件数"),
        (["read", "--language=en", "--help"], "zh", "Files read at the same time"),
        (["read", "--help"], "zh", "显示本说明后退出"),
    ],
)
def test_help_speaks_the_language_asked_for(arguments: list[str], environment: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aimis.cli", *arguments],
        env={**os.environ, "AIMIS_LANGUAGE": environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout


def test_every_command_and_option_has_chinese_help() -> None:
    table = tomllib.loads((translation.TEXTS / "zh.toml").read_text(encoding="utf-8"))["help"]
    assert table.keys() - {translation.HELP_OPTION} == set(_labels(typer.main.get_command(cli.app), "aimis"))


def _labels(command: Any, name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} {translation.label_of(parameter)}" for parameter in command.params)
    for inner, found in getattr(command, "commands", {}).items():
        yield from _labels(found, f"{name} {inner}")


def test_version_is_the_package_s_own(run: Run) -> None:
    assert run("--version").stdout == f"aimis {version('aimis')}\n"


def test_completion_is_offered(run: Run) -> None:
    assert "--install-completion" in run("--help").stdout


def test_readers_lists_version_licence_and_use(run: Run) -> None:
    result = run("readers")
    for word in ("brightness", "colour-cast", "1.1.0", "CC-BY-4.0"):
        assert word in result.stdout
    assert result.exit_code == 0


def test_readers_as_json_says_what_each_reader_looks_for(run: Run) -> None:
    by_id = {line["reader"]: line for line in lines(run("readers", "--json"))}
    assert by_id["colour-cast"]["findings"] == ["red-picture", "green-picture"]
    assert by_id["colour-cast"]["licence"] == "CC-BY-4.0"


def test_refused_folder_is_named_with_the_reason(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(FIXTURES / "two-entries", folder)
    (folder / "MODEL_CARD.md").unlink()
    monkeypatch.setenv("AIMIS_READERS_PATH", str(folder))
    refused = [line for line in lines(run("readers", "--json")) if "refused" in line]
    assert [line["refused"] for line in refused] == [str(folder)]
    assert "MODEL_CARD.md" in refused[0]["why"]
    assert "MODEL_CARD" in run("readers").stdout
    assert "reader-refused" in run("read", tmp_path / "x.png", "--json").stderr


def test_model_card_is_shown(run: Run) -> None:
    result = run("readers", "show", "brightness")
    assert result.exit_code == 0
    assert "brightness" in result.stdout


def test_doctor_says_that_all_is_well(run: Run) -> None:
    result = run("doctor")
    assert "Nothing is wrong." in result.stdout
    assert result.exit_code == 0


def test_doctor_says_what_is_wrong_and_how_to_mend_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMIS_READERS_PATH", str(tmp_path / "nothing"))
    result = run("doctor")
    assert result.exit_code == 1
    assert "→" in result.stdout
    failed = [line for line in lines(run("doctor", "--json")) if line["health"] == "failed"]
    assert failed
    assert all(line["mend"] for line in failed)


def test_doctor_speaks_the_language_asked_for(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIS_READERS_PATH", str(tmp_path / "nothing"))
    text = run("doctor", "--language", "zh").stdout
    for word in ("正常", "异常", "推理引擎", "处理器", "可用", "字体", "请修正所指出的问题", "存在异常"):
        assert word in text
    for word in (" ok ", "may be used", "reasons in words", "Mend what", "first run", "GB free"):
        assert word not in text


def test_reports_are_written_again_in_another_language(run: Run, eyes: Path, tmp_path: Path) -> None:
    run("read", eyes, *READERS, "--report", tmp_path / "out")
    result = run("report", tmp_path / "out" / "readings.jsonl", tmp_path / "again", "--language", "zh")
    assert result.exit_code == 0
    names = [
        sorted(p.name for p in (tmp_path / folder).iterdir() if p.suffix != ".jsonl") for folder in ("out", "again")
    ]
    assert names[0] == names[1]
    assert all("仅供研究使用" in path.read_text() for path in (tmp_path / "again").glob("*.html"))


def test_report_without_its_photograph_is_written_and_said_so(run: Run, eyes: Path, tmp_path: Path) -> None:
    run("read", eyes, *READERS, "--report", tmp_path / "out")
    (eyes / "b.png").write_bytes((eyes / "a_left.png").read_bytes())
    (eyes / "a_left.png").unlink()
    result = run("report", tmp_path / "out" / "readings.jsonl", tmp_path / "again")
    assert result.exit_code == 3
    assert "a_left.png" in result.stderr
    assert "b.png" in result.stderr
    assert "a_right.png" not in result.stderr
    assert len(list((tmp_path / "again").glob("*.pdf"))) == 2
