"""`aimis read`: the JSON interface, tables, reports, exit status and resuming."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.conftest import READERS, Run, lines, picture

INTERFACE = {"path", "reader", "reader_version", "status", "reason", "seconds", "findings"}


def test_json_has_one_object_a_reading_in_input_order_and_nothing_else(run: Run, eyes: Path) -> None:
    result = run("read", eyes, "--json", *READERS)
    said = lines(result)
    names = [f"{eyes}/{name}.png" for name in ("a_left", "a_right", "b")]
    assert [(line["path"], line["reader"]) for line in said] == [
        (name, reader) for name in names for reader in ("brightness", "colour-cast")
    ]
    assert all(line.keys() >= INTERFACE for line in said)
    assert {line["status"] for line in said} == {"read"}
    assert {f["name"] for f in said[1]["findings"]} == {"red-picture", "green-picture"}
    assert (result.exit_code, result.stderr) == (0, "")


def test_item_that_cannot_be_read_has_a_reason_and_exit_status_3(run: Run, eyes: Path) -> None:
    result = run("read", eyes / "gone.png", eyes / "b.png", "--json", *READERS)
    failed, _, read, _ = lines(result)
    assert (failed["status"], failed["findings"]) == ("failed", [])
    assert failed["reason"] == "There is no file at this path."
    assert read["status"] == "read"
    assert result.exit_code == 3


def test_reason_is_in_the_language_asked_for(run: Run, eyes: Path) -> None:
    result = run("read", eyes / "gone.png", "--json", "--language", "zh", *READERS)
    assert lines(result)[0]["reason"] == "该路径下没有文件。"


def test_one_reader_is_used_when_one_is_named(run: Run, eyes: Path) -> None:
    assert {line["reader"] for line in lines(run("read", eyes, "--json", "--reader", "brightness"))} == {"brightness"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["read"], "PATH"),
        (["read", "eyes", "--reader", "nobody"], "'nobody'"),
        (["read", "eyes", "--exam", *READERS], "--exam"),
        (["read", "eyes", "--resume"], "--report DIR"),
        (["read", "eyes", "--jobs", "0"], "--jobs"),
        (["read", "eyes", "--language", "fr"], "--language"),
        (["read", "eyes", "--operating-point", "best"], "--operating-point"),
        (["reed"], "reed"),
        (["readers", "show", "nobody"], "'nobody'"),
        (["report", "gone.jsonl", "reports"], "gone.jsonl"),
    ],
)
def test_wrong_usage_is_told_on_standard_error_with_exit_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_report_folder_that_is_a_file_is_wrong_usage(run: Run, eyes: Path) -> None:
    result = run("read", eyes, *READERS, "--report", eyes / "b.png")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Red picture", "Probability", "  above the operating point", "Left eye", "Read"]),
        ("zh", ["概率", "判定", "达到阈值", "左眼", "已判读"]),
    ],
)
def test_few_photographs_are_shown_in_full(run: Run, eyes: Path, language: str, said: list[str]) -> None:
    result = run("read", eyes / "a_left.png", "--language", language, *READERS)
    for word in said:
        assert word in result.stdout
    assert result.exit_code == 0


def test_many_photographs_have_a_row_each_and_a_summary(run: Run, eyes: Path) -> None:
    for number in range(5):
        picture(eyes / f"more{number}.png", (200, 10, 10))
    result = run("read", eyes, eyes / "gone.png", *READERS)
    for name in ("a_left.png", "more4.png", "gone.png"):
        assert result.stdout.count(name) == 1
    assert "9 images in" in result.stdout
    assert "8 × Read" in result.stdout
    assert result.exit_code == 3


def test_report_writes_its_files_and_the_record_and_says_where(run: Run, eyes: Path, tmp_path: Path) -> None:
    result = run("read", eyes / "b.png", *READERS, "--report", tmp_path / "out")
    written = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert written >= {".pdf", ".html", ".json", ".jsonl"}
    for path in (tmp_path / "out").iterdir():
        assert str(path) in result.stdout.replace("\n", "")


def test_eyes_of_one_patient_share_a_report(run: Run, eyes: Path, tmp_path: Path) -> None:
    run("read", eyes, *READERS, "--report", tmp_path / "out")
    documents = [json.loads(path.read_text()) for path in sorted((tmp_path / "out").glob("*.json"))]
    paths = [sorted({Path(r["path"]).name for r in document["readings"]}) for document in documents]
    assert sorted(paths) == [["a_left.png", "a_right.png"], ["b.png"]]


def test_resumed_run_prints_the_same_and_reads_only_what_is_new(run: Run, eyes: Path, tmp_path: Path) -> None:
    asked = ("read", eyes, "--json", *READERS, "--report", tmp_path / "out")
    first = run(*asked)
    recorded = (tmp_path / "out" / "readings.jsonl").read_text()
    reports = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.pdf")}
    picture(eyes / "c.png", (1, 2, 200))
    second = run(*asked, "--resume")
    assert second.stdout.startswith(first.stdout)
    assert len(lines(second)) == len(lines(first)) + 2
    assert (tmp_path / "out" / "readings.jsonl").read_text().startswith(recorded)
    assert {path: path.stat().st_mtime_ns for path in reports} == reports
    assert len(list((tmp_path / "out").glob("*.pdf"))) == len(reports) + 1


def test_resumed_run_reads_again_what_changed(run: Run, eyes: Path, tmp_path: Path) -> None:
    asked = ("read", eyes / "b.png", "--json", *READERS, "--report", tmp_path / "out")
    before = lines(run(*asked))
    picture(eyes / "b.png", (255, 0, 0))
    after = lines(run(*asked, "--resume"))
    assert [line["input_sha256"] for line in after] != [line["input_sha256"] for line in before]
    other_point = lines(run(*asked, "--resume", "--operating-point", "specific"))
    assert {line["operating_point"] for line in other_point} == {"specific"}


def test_resumed_run_writes_the_report_that_is_wanting(run: Run, eyes: Path, tmp_path: Path) -> None:
    asked = ("read", eyes / "b.png", *READERS, "--report", tmp_path / "out")
    run(*asked)
    (document,) = (tmp_path / "out").glob("*.json")
    pages = document.with_suffix(".html").read_text()
    for path in (document, document.with_suffix(".html")):
        path.unlink()
    result = run(*asked, "--resume")
    assert document.is_file()
    assert document.with_suffix(".html").read_text() == pages
    assert result.exit_code == 0


def test_record_of_an_earlier_run_is_kept_aside_without_resume(run: Run, eyes: Path, tmp_path: Path) -> None:
    asked = ("read", eyes / "b.png", "--json", *READERS, "--report", tmp_path / "out")
    run(*asked)
    before = (tmp_path / "out" / "readings.jsonl").read_text()
    run(*asked)
    assert (tmp_path / "out" / "readings.previous.jsonl").read_text() == before


def test_site_threshold_decides_and_stands_in_the_provenance(
    run: Run, eyes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "site.toml"
    file.write_text('operating_point = "balanced"\n[thresholds.colour-cast]\nred-picture = 0.0\n')
    monkeypatch.setenv("AIMIS_SETTINGS", str(file))
    (line,) = lines(run("read", eyes / "b.png", "--json", "--reader", "colour-cast"))
    assert [f["present"] for f in line["findings"] if f["name"] == "red-picture"] == [True]
    assert line["operating_point"] == "balanced; red-picture=0.0"


@pytest.mark.parametrize(
    ("toml", "said"),
    [("[thresholds.nobody]\nx = 0.1", "nobody"), ("[thresholds.colour-cast]\nred-picture = 2.0", "red-picture")],
)
def test_site_threshold_that_cannot_be_is_wrong_usage(
    run: Run, eyes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str, said: str
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(toml)
    monkeypatch.setenv("AIMIS_SETTINGS", str(file))
    result = run("read", eyes, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_site_limit_refuses_a_picture_that_is_larger(run: Run, eyes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIS_LIMITS__MAX_PIXELS", "1000")
    assert {line["status"] for line in lines(run("read", eyes, "--json", *READERS))} == {"unsupported"}


def test_any_number_of_jobs_reads_the_same(run: Run, eyes: Path) -> None:
    def said(jobs: int) -> list[dict[str, object]]:
        return [{**line, "seconds": 0} for line in lines(run("read", eyes, "--json", *READERS, "--jobs", jobs))]

    assert said(1) == said(2) == said(5)
