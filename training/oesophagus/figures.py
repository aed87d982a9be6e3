"""The measured figures, and what is made of them for the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path("training/oesophagus/results")
FIGURES = RESULTS / "figures.json"


def save(found: dict[str, Any]) -> None:
    """Keep them in results/figures.json."""
    RESULTS.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(found, indent=1) + "\n")


def load() -> dict[str, Any]:
    """As the last evaluation left them; empty before the first."""
    return dict(json.loads(FIGURES.read_text())) if FIGURES.exists() else {}


def manifest_tables() -> dict[str, str]:
    """[[readers.metrics]] by the template's key."""
    table = ""
    for what, each in load().get("metrics", {}).items():
        table += f'[[readers.metrics]]\nwhat = "{what}"\nvalue = {each["auc"]}\nlow = {each["low"]}\n'
        table += f'high = {each["high"]}\nn = {each["n"]}\non = "{each["on"]}"\n\n'
    return {"metrics-oesophagus": table}


def print_ideas() -> None:
    """What was tried, with its figures: results/ideas.json."""
    path = RESULTS / "ideas.json"
    print("== ideas tried (training/oesophagus/README.md)")
    for name, each in json.loads(path.read_text()).items() if path.exists() else ():
        print(name, each)
