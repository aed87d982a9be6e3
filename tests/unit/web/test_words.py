"""Every word stands in both languages with the same places to fill; every template has its words."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest

from aimis.consult import assemble, loader
from aimis.consult.channels.wechat import talk
from aimis.web import bodymap
from aimis.web.site import TEMPLATES
from aimis.web.words import preferred, words_of

WEB = Path(bodymap.__file__).parent


def places(text: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


@pytest.mark.parametrize("tables", [(words_of("en").table, words_of("zh").table), (talk.words("en"), talk.words("zh"))])
def test_both_languages_say_the_same_with_the_same_values(tables: tuple[dict[str, object], dict[str, object]]) -> None:
    english, chinese = tables
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert places(text) == places(chinese[key]), key
        assert not re.search(r"[\u4e00-\u9fff]", str(text)) or "中文" in str(text), key


def test_every_word_that_a_template_names_is_there() -> None:
    named = {
        key for file in TEMPLATES.glob("*.j2") for key in re.findall(r'\bt\("([a-z0-9-]+)"', file.read_text("utf-8"))
    }
    assert {key for key in named if not key.endswith("-")} <= words_of("en").table.keys()


def test_every_complaint_of_the_body_map_is_a_finding_and_every_part_has_its_word() -> None:
    text = "\n".join(f.read_text("utf-8") for f in (loader.KNOWLEDGE / assemble.PRIMARY / "findings").glob("*.yaml"))
    known = set(re.findall(r"^\s*- id: (\S+)$", text, re.MULTILINE))
    parts = tomllib.loads(bodymap.FILE.read_text("utf-8"))
    assert {finding for found in parts.values() for finding in found} <= known
    assert {f"part-{part}" for part in parts} <= words_of("zh").table.keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9", "zh"),
        ("de,fr;q=0.8,zh;q=0.5,en", "zh"),
        ("en-GB", "en"),
        (",;=", "en"),
    ],
)
def test_page_speaks_the_browsers_language_where_it_can(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_page_files_load_nothing_from_elsewhere_and_hold_no_script() -> None:
    for file in [*TEMPLATES.glob("*.j2"), *(WEB / "static").iterdir()]:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|<script|javascript:|\bon[a-z]+=|@import|url\(", text), file
