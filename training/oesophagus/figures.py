"""The measured figures, and the tables made of them: `python -m training.oesophagus.figures` fills card and README."""

from __future__ import annotations

import json
from typing import Any

from training.oesophagus import unjudged
from training.results import Results, metric

RESULTS = Results(reader="oesophagus", mark="oesophagus")
SIMULATED = RESULTS.folder / "examinations.json"
FINDINGS = ("oesophageal-neoplasia", "barretts-oesophagus", "oesophagitis")
VIEWS = {
    "edd2020": "EDD2020, each centre unseen",
    "edd2020, without frames only suspicious": "the same without frames only suspicious",
    "ippa": "IPPA, days unseen, with the frames of other organs that passed the gate",
    "all": "all sources, each frame unseen",
}


def main() -> None:
    """Put the tables between the marks of the model card and the README."""
    RESULTS.fill(markdown(RESULTS.load()))


def markdown(found: dict[str, Any]) -> str:
    """The table for card and README."""
    text = "| finding | frames | AUC (95 % interval) | sensitivity | specificity | calibration error |\n"
    text += "| --- | --- | --- | --- | --- | --- |\n"
    for finding in FINDINGS:
        for view, words in VIEWS.items():
            each = found[view].get(finding)
            if each and not (view == "all" and finding == FINDINGS[0]):  # over sources it would mean nothing
                text += (
                    f"| {finding} | {words} | {each['auc']:.3f} ({each['low']:.3f}-{each['high']:.3f})"
                    f" | {each['sensitivity']:.3f} of {each['sick']:.0f}"
                    f" | {each['specificity']:.3f} of {each['well']:.0f} | {each['calibration']:.3f} |\n"
                )
    text += "\nBefore the site gate, by the network alone: "
    text += "; ".join(f"{k} {v}" for k, v in found["inside"]["neoplasia before the gates"].items()) + ".\n\n"
    for name in ("sites", "Barrett's outlines", "vessels"):
        text += f"{name[0].upper()}{name[1:]}: {found['inside'][name]}.\n"
    text += "Early cancers: " + "; ".join(found["inside"]["early cancers"]) + ".\n"
    for source, value in found["unseen sources"].items():
        text += f"Alarms for neoplasia on {source}, never seen: {value}.\n"
    text += unjudged.markdown(found["not judged"])
    text += _examinations()
    lines = [line for line in found["all"]["lines"] if line and not line.startswith("items")]
    return text + "".join(f"- {line}\n" for line in lines) + f"- {found['outside']}\n"


def _examinations() -> str:
    """Of whole examinations, simulated."""
    text = "\n| examinations simulated from frames kept out | AUC | sensitivity | specificity | calibration error | "
    text += "of well people's, source unseen, how many alarm |\n| --- | --- | --- | --- | --- | --- |\n"
    for finding, each in json.loads(SIMULATED.read_text()).items():
        alarms = ", ".join(f"{name} {share:.3f}" for name, share in each["alarms, source unseen"].items())
        figures = " | ".join(f"{each[name]:.3f}" for name in ("auc", "sensitivity", "specificity", "calibration"))
        text += f"| {finding} | {figures} | {alarms} |\n"
    return text + "\n"


def manifest_tables() -> dict[str, str]:
    """[[readers.metrics]] by the template's key."""
    table = ""
    for what, each in RESULTS.load().get("metrics", {}).items():
        table += metric(what, each["auc"], (each["low"], each["high"]), n=each["n"], on=each["on"])
    return {"metrics-oesophagus": table}


def print_ideas() -> None:
    """What was tried, with its figures: results/ideas.json."""
    path = RESULTS.folder / "ideas.json"
    print("== ideas tried (training/oesophagus/README.md)")
    for name, each in json.loads(path.read_text()).items() if path.exists() else ():
        print(name, each)


if __name__ == "__main__":
    main()
