"""The measured figures, and the tables made of them: `python -m training.fundus.figures` fills card and README."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aimis.readers.fundus.network import TARGETS

RESULTS = Path("training/fundus/results")
FIGURES = RESULTS / "figures.json"
PLACES = (Path("src/aimis/readers/fundus/MODEL_CARD.md"), Path("README.md"))
SOURCES = {"idrid": "IDRiD", "eyepacs": "EyePACS", "odir5k": "ODIR-5K"}
RETINOPATHY = ("any-diabetic-retinopathy", "referable-diabetic-retinopathy", "diabetic-macular-oedema")
DISEASE = TARGETS[5:]
_MARKED = re.compile(r"(<!-- figures:begin.*?-->\n).*?(<!-- figures:end -->)", re.DOTALL)
Figures = dict[str, Any]


def main() -> None:
    """Put the tables between the marks of the model card and the README."""
    table = markdown(load())
    for place in PLACES:
        place.write_text(_MARKED.sub(lambda m: f"{m[1]}{table}{m[2]}", place.read_text()))


def save(figures: Figures) -> None:
    """Keep them in results/figures.json."""
    RESULTS.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")


def load() -> Figures:
    """As the last evaluation left them; empty before the first."""
    return dict(json.loads(FIGURES.read_text())) if FIGURES.exists() else {}


def lines(figures: Figures) -> list[tuple[str, str, dict[str, float]]]:
    """(finding, source, figures): retinopathy by source, the others of the one source that labels them."""
    wanted = [(finding, source) for finding in RETINOPATHY for source in SOURCES]
    wanted += [(finding, "odir5k") for finding in DISEASE]
    return [(f, SOURCES[s], figures[s][f]) for f, s in wanted if f in figures.get(s, {})]


def markdown(figures: Figures) -> str:
    """The table for card and README."""
    text = "| finding | source | AUC (95 % interval) | sensitivity | specificity | calibration error |\n"
    text += "| --- | --- | --- | --- | --- | --- |\n"
    for finding, source, each in lines(figures):
        text += (
            f"| {finding} | {source} | {each['auc']:.3f} ({each['low']:.3f}-{each['high']:.3f})"
            f" | {each['sensitivity']:.3f} of {each['sick']:.0f} | {each['specificity']:.3f} of {each['well']:.0f}"
            f" | {each['calibration']:.3f} |\n"
        )
    kappas = [f"{SOURCES[s]} {figures[s]['quadratic-kappa']['kappa']:.3f}" for s in SOURCES if s in figures]
    scope = figures["scope"]
    text += f"\nICDR grade, quadratic kappa: {', '.join(kappas)}. "
    for reader, line in zip(("diabetic-retinopathy", "fundus-disease"), figures["all"]["coverage"], strict=True):
        items, judged = (re.search(pattern, line) for pattern in (r"items (\d+)", r"'read': (\d+)"))
        if items and judged:
            text += f"Judged by {reader}: {judged[1]} of {items[1]}. "
    text += f"Read although no fundus photograph: {scope['read']} of {scope['outside']}. "
    text += f"Fundus photographs called unsupported: {scope['unsupported']} of {scope['inside']}.\n"
    return text


def manifest_tables() -> dict[str, str]:
    """[[readers.metrics]] of both readers, by the template's keys."""
    figures = load()
    tables = {"metrics-retinopathy": "", "metrics-disease": ""}
    for finding, source, each in lines(figures):
        key = "metrics-retinopathy" if finding in RETINOPATHY else "metrics-disease"
        tables[key] += (
            f'[[readers.metrics]]\nwhat = "AUC of {finding}"\nvalue = {each["auc"]}\nlow = {each["low"]}\n'
            f"high = {each['high']}\nn = {each['sick'] + each['well']:.0f}\n"
            f'on = "{source}, test part, patients kept out"\n\n'
        )
    return tables


if __name__ == "__main__":
    main()
