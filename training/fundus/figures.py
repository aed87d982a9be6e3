"""The measured figures, and the tables made of them: `python -m training.fundus.figures` fills card and README."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from aimis.readers.fundus.network import TARGETS
from training.results import Results, metric

RESULTS = Results(reader="fundus", mark="figures")
PRICES, HOW_TO = Results(reader="fundus", mark="points"), Path("docs/howto/site-settings.md")
SOURCES = {"idrid": "IDRiD", "eyepacs": "EyePACS", "odir5k": "ODIR-5K"}
RETINOPATHY = ("any-diabetic-retinopathy", "referable-diabetic-retinopathy", "diabetic-macular-oedema")
DISEASE = TARGETS[5:]
Figures = dict[str, Any]


def main() -> None:
    """Put the tables between the marks of the model card, the README and the how-to."""
    found = RESULTS.load()
    RESULTS.fill(markdown(found))
    PRICES.fill(_marks(found["marks"]), HOW_TO)


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
    text += f"\n{_marks(figures['marks'])}"
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


def _marks(found: dict[str, Figures]) -> str:
    """What each operating point marks: of normal eyes by source, and of the sick by finding."""
    text = f"| of the eyes that were read, marked at | {' | '.join(found)} |\n| --- |{' --- |' * len(found)}\n"
    first = next(iter(found.values()))
    for key in first["normal"]:
        name = SOURCES.get(key, "all sources")
        text += (
            f"| normal eyes, {name}: any finding | {' | '.join(_share(at['normal'][key]) for at in found.values())} |\n"
        )
    for key in first["sick"]:
        text += f"| eyes with {key}: that finding | {' | '.join(_share(at['sick'][key]) for at in found.values())} |\n"
    return text


def _share(counts: tuple[int, int]) -> str:
    hit, of = counts
    return f"{hit / of:.3f} of {of}"


def manifest_tables() -> dict[str, str]:
    """[[readers.metrics]] and [[readers.rates]] of both readers, by the template's keys."""
    figures = RESULTS.load()
    tables = {"metrics-retinopathy": "", "metrics-disease": "", **_rates(figures.get("marks", {}))}
    for finding, source, each in lines(figures):
        key = "metrics-retinopathy" if finding in RETINOPATHY else "metrics-disease"
        on = f"{source}, test part, patients kept out"
        span, n = (each["low"], each["high"]), each["sick"] + each["well"]
        tables[key] += metric(f"AUC of {finding}", each["auc"], span, n=n, on=on)
    return tables


def _rates(found: dict[str, Figures]) -> dict[str, str]:
    """[[readers.rates]]: the normal eyes of all sources, and the sick of the reader's own findings."""
    tables = {"rates-retinopathy": "", "rates-disease": ""}
    for key, own in (("rates-retinopathy", RETINOPATHY), ("rates-disease", DISEASE)):
        for point, at in found.items():
            tables[key] += _rate(point, at["normal"]["all"], "")
            for finding in own:
                tables[key] += _rate(point, at["sick"][finding], f'finding = "{finding}"\n')
    return tables


def _rate(point: str, counts: tuple[int, int], finding: str) -> str:
    (hit, of), (low, high) = counts, interval(*counts)
    return (
        f'[[readers.rates]]\npoint = "{point}"\n{finding}value = {hit / of:.4f}\nlow = {low:.4f}\nhigh = {high:.4f}\n'
        f'n = {of}\non = "{", ".join(SOURCES.values())}, test part, patients kept out"\n\n'
    )


def interval(hit: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, hit / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, min(share, (middle - half) / scale)), min(1.0, max(share, (middle + half) / scale))


if __name__ == "__main__":
    main()
