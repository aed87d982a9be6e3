"""Chest pain of a woman is that of a man: the same urgency, and the same first explanation."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

STORIES = {
    "en": (
        "my chest feels tight and painful and I am sweating, no fever",
        "pressure in my chest going into my left arm",
    ),
    "zh": ("胸口闷痛，出冷汗，没有发烧", "胸口压迫感，疼到左胳膊，出冷汗"),
}


def told(stories: list[dict[str, object]]) -> list[dict[str, object]]:
    """The first line of the program to each story."""
    command = [str(Path(sys.executable).with_name("aimis")), "consult", "--jsonl"]
    lines = "".join(json.dumps({"start": story}) + "\n" for story in stories)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_danger_in_a_womans_chest_is_named_as_in_a_mans() -> None:
    cases = [(age, language, text) for age, language in product((35, 58, 80), STORIES) for text in STORIES[language]]
    found = {
        sex: told([{"age": a, "sex": sex, "language": language, "text": t} for a, language, t in cases])
        for sex in ("F", "M")
    }
    for of_woman, of_man in zip(found["F"], found["M"], strict=True):
        woman, man = of_woman["result"], of_man["result"]
        assert isinstance(woman, dict)
        assert isinstance(man, dict)
        assert woman["urgency"] == man["urgency"] == "emergency"
        assert woman["red_flags"]
        assert woman["red_flags"] == man["red_flags"]
        assert woman["conditions"][0]["icd10"] == man["conditions"][0]["icd10"]
        assert not woman["conditions"][0]["icd10"].startswith("F")
