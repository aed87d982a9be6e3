"""Every option, setting and JSON key stands in the reference, and every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from aimis import cli
from aimis.console import words
from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import Claim, Classification, Finding, Outcome, Reading, Region, Source, Status
from aimis.reports import json as records
from aimis.settings import Settings
from tests.fakes.redness import identity
from tests.fakes.spotter import Spotter
from tests.fakes.volumes import volume

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def options(command: Any, name: str = "aimis") -> Iterator[tuple[str, str]]:
    """Each option of each command, with the command it belongs to."""
    yield from ((name, option) for parameter in command.params for option in parameter.opts if option.startswith("--"))
    for inner, found in getattr(command, "commands", {}).items():
        yield from options(found, f"{name} {inner}")


def test_every_option_stands_with_its_command() -> None:
    section = re.compile(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    sections = {re.sub(r" [A-Z].*", "", heading): text for heading, text in section.findall(page("command-line.md"))}
    found = list(options(typer.main.get_command(cli.app)))
    assert len(found) > 15
    for command, option in found:
        assert option in sections.get(command, page("command-line.md").split("## `aimis read")[0]), (command, option)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")


def test_every_setting_and_no_other_stands_in_its_page() -> None:
    stated = set(re.findall(r"^\| `([a-z_.]+)` \|", page("settings.md"), re.MULTILINE))
    assert stated == set(fields(Settings))


def test_every_default_limit_is_stated_as_it_is() -> None:
    for name, value in Settings().limits.model_dump().items():
        assert f"| `limits.{name}` | {value:,} |" in page("settings.md")


def test_every_json_key_stands_in_its_page() -> None:
    region = Region(box_px=(0, 0, 1, 1), probability=0.5, frame=1, outline_px=((0, 0), (1, 1)))
    found = Finding(name="red", probability=0.5, present=True, regions=(region,), claim=Claim.ALARM)
    track = Track(
        finding="red", frames=(1,), key_frame=1, first_seconds=0, last_seconds=1, probability=0.5, claim=Claim.ALARM
    )
    examination = Examination(
        kind=ExaminationKind.VIDEO,
        frames=(
            FrameRecord(index=1, status=Status.READ, seconds=1.0, findings=(found,)),
            FrameRecord(index=2, status=Status.READ, name="a.jpg"),
        ),
        tracks=(track,),
        stations=(Station(site="antrum", frames=0),),
    )
    reading = Reading(
        source=Source(path="a.dcm", frame=1),
        identity=identity(),
        outcome=Outcome(
            status=Status.READ,
            findings=(found,),
            classifications=(Classification(key="icdr_grade", value=1),),
            examination=examination,
        ),
        seconds=0.1,
        read_at_utc="2026-01-02T03:04:05+00:00",
    )
    printed = records.to_interface(reading, words.load_words("en"))
    (finding,) = printed["findings"]
    inner = [*finding["regions"][0], *printed["tracks"][0], *printed["stations"][0]]
    inner += [name for frame in printed["frame_records"] for name in frame]
    scan = Spotter().read_volume(volume(), volume())["spotter"]
    printed_scan = records.to_interface(replace(reading, outcome=scan), words.load_words("en"))
    (nodule,) = printed_scan["findings"]
    inner += [*printed_scan, *printed_scan["scan"], *nodule["size"], *nodule["place"], *nodule["growth"]]
    inner += [*nodule["risks"][0], *nodule["management"][0], *(key for key in nodule if key not in finding)]
    for key in [*printed, *(f"findings[].{name}" for name in finding), *inner, *records.to_record(reading), "frames"]:
        assert f"`{key}`" in page("json.md") or f"`findings[].{key}`" in page("json.md"), key


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_lock_file_states_the_dependencies_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (own,) = (package for package in lock["package"] if package["name"] == project["project"]["name"])

    def stated(requirement: str) -> tuple[str, str]:
        name, operator, version = re.split(r"(>=|==)", requirement)
        return name.partition("[")[0], operator + version

    def locked(entries: list[dict[str, str]]) -> set[tuple[str, str]]:
        return {(entry["name"], entry["specifier"]) for entry in entries}

    assert locked(own["metadata"]["requires-dist"]) == {stated(r) for r in project["project"]["dependencies"]}
    for group, requirements in project["dependency-groups"].items():
        assert locked(own["metadata"]["requires-dev"][group]) == {stated(r) for r in requirements}
