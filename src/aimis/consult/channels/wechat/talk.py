"""A consultation in short texts: questions with numbered answers, and what a reply means."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aimis.consult.model import OLDEST, UNKNOWN, Finding, Kind, Value

TEXTS = Path(__file__).parent / "text"
CODE = re.compile(r"[2-9][2-9A-HJKMNP-TV-Z]{7}")
SEXES = {"1": "F", "2": "M", "3": None, "女": "F", "男": "M", "female": "F", "male": "M", "f": "F", "m": "M"}
_PICKED = re.compile(r"\d{1,2}(?:[\s,\u3001\u548c]+\d{1,2})*")
_MONTHS = re.compile(r"(\d{1,2})\s*(?:个月|个月大|months?|mo)")
_YEARS = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:岁|周岁|years?|y|years? old)?")
_NOTE = re.compile(r"(?:doctor|dear doctor|医生)\s*[:,]\s*(.+)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"(-?\d+(?:[.,]\d+)?)\s*[^\d\s]{0,6}")


@cache
def words(name: str) -> Mapping[str, Any]:
    """The words of a language, or of `commands`."""
    with (TEXTS / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def plain(text: str) -> str:
    """As it is compared: full-width letters made narrow, in small letters, without a full stop or quotes around it."""
    return unicodedata.normalize("NFKC", text).strip(" \n\t。.!\"'“”").lower()


def command_of(text: str) -> str | None:
    """What the text asks the account to do, if it is nothing but that: a key of `text/commands.toml`."""
    said = plain(text)
    return next((name for name, sayings in words("commands").items() if said in sayings), None)


def code_of(text: str) -> str | None:
    """A code from another channel, if the text is one."""
    letters = unicodedata.normalize("NFKC", text).strip().upper()
    return letters if CODE.fullmatch(letters) else None  # it begins with a digit, as no word does


def note_of(text: str) -> str:
    """What is written to the doctor: all after "doctor:"; empty where it is nothing of the kind."""
    match = _NOTE.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return match[1].strip() if match else ""


def age_of(text: str) -> float | None:
    """An age in years; "6 months" is 0.5; None where it is none."""
    said = plain(text)
    if months := _MONTHS.fullmatch(said):
        return int(months[1]) / 12
    years = _YEARS.fullmatch(said)
    return float(years[1]) if years and float(years[1]) <= OLDEST else None


def reply_of(finding: Finding, text: str) -> Value:
    """What a reply to a question picks from its numbered list or says as a number; else the text as it is."""
    said = plain(text)
    if finding.kind is Kind.NUMBER:
        number = _NUMBER.fullmatch(said)
        return float(number[1].replace(",", ".")) if number else text
    if not _PICKED.fullmatch(said):
        return text
    picked = _picked(finding, [int(number) for number in re.findall(r"\d+", said)])
    return text if picked is None else picked


def options_of(finding: Finding, language: str) -> list[tuple[Value, str]]:
    """The answers to a question in the order of their numbers, from 1 on; of a number none."""
    said = words(language)
    not_known: tuple[Value, str] = (UNKNOWN, said["unknown"])
    if finding.kind is Kind.NUMBER:
        return []
    if finding.kind is Kind.YES_NO:
        return [(True, said["yes"]), (False, said["no"]), not_known]
    options: list[tuple[Value, str]] = [(option.id, option.text.of(language)) for option in finding.options]
    if finding.kind is Kind.MANY_OF and finding.none is None:
        options.append(((), said["none"]))
    return [*options, not_known]


def question_text(finding: Finding, number: int, most: int, language: str) -> str:
    """The question with its numbered answers and how to reply."""
    said = words(language)
    lines = [said["number"].format(number=number, most=most), finding.question.of(language)]
    lines += [f"{place} {text}" for place, (_, text) in enumerate(options_of(finding, language), 1)]
    hint = {Kind.MANY_OF: "hint-many", Kind.NUMBER: "hint-number"}.get(finding.kind, "hint-one")
    return "\n".join([*lines, said[hint]])


def menu(language: str, page_url: str | None) -> Mapping[str, Any]:
    """The account's menu: its buttons send the commands of `text/commands.toml`."""
    said = words(language)

    def button(name: str, command: str) -> dict[str, str]:
        return {"type": "click", "name": said[f"menu-{name}"], "key": command}

    page = [{"type": "view", "name": said["menu-web"], "url": page_url}] if page_url else []
    more = [button("doctor", "doctor"), *page, button("help", "help"), button("erase", "erase")]
    return {
        "button": [
            button("start", "restart"),
            button("result", "result"),
            {"name": said["menu-more"], "sub_button": more},
        ]
    }


def fingerprint(menu: Mapping[str, Any]) -> str:
    """By which a menu is known again."""
    return hashlib.sha256(json.dumps(menu, sort_keys=True).encode()).hexdigest()


def language_of(text: str) -> str:
    """Chinese where a Chinese character stands in it, else English."""
    return "zh" if re.search(r"[\u4e00-\u9fff]", text) else "en"


def _picked(finding: Finding, numbers: list[int]) -> Value | None:
    options = options_of(finding, "en")
    if any(not 1 <= number <= len(options) for number in numbers):
        return None
    values = [options[number - 1][0] for number in dict.fromkeys(numbers)]
    if finding.kind is Kind.MANY_OF and UNKNOWN not in values and () not in values:
        return tuple(str(value) for value in values)
    return values[0] if len(values) == 1 else None
