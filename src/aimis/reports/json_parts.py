"""Findings, regions and reasons as JSON types and back: what readings and frames of examinations share."""

from __future__ import annotations

from typing import Any

from aimis.domain.reading import Box, Claim, Finding, Reason, Region


def finding_entry(finding: Finding) -> dict[str, Any]:
    """As the interface has it: claim where the reader makes claims, regions there too or where there are any."""
    words: dict[str, Any] = {
        "name": finding.name,
        "probability": float(finding.probability),
        "present": bool(finding.present),
    }
    if finding.claim is not None:
        words |= {"claim": str(finding.claim), "marked": bool(finding.marked)}
    if finding.claim is not None or finding.regions:
        words["regions"] = [_region_entry(region) for region in finding.regions]
    return words


def finding_of(entry: dict[str, Any]) -> Finding:
    """The finding of an entry."""
    claim = entry.get("claim")
    return Finding(
        name=entry["name"],
        probability=entry["probability"],
        present=entry["present"],
        regions=tuple(_region_of(region) for region in entry.get("regions", ())),
        claim=None if claim is None else Claim(claim),
        marked=entry.get("marked", False),
    )


def reason_entry(reason: Reason | None) -> dict[str, Any] | None:
    """Code and values; the words are found by them in each language."""
    return None if reason is None else {"code": reason.code, "values": reason.values}


def reason_of(entry: dict[str, Any] | None) -> Reason | None:
    """The reason of an entry."""
    if entry is None:
        return None
    return Reason(code=entry["code"], values=tuple((name, value) for name, value in entry["values"]))


def box_of(entry: list[float]) -> Box:
    """Four numbers, neither more nor less."""
    x0, y0, x1, y1 = entry
    return x0, y0, x1, y1


def _region_entry(region: Region) -> dict[str, Any]:
    placed: dict[str, Any] = {"box_px": list(region.box_px), "probability": region.probability}
    if region.frame is not None:
        placed["frame"] = region.frame
    return placed | ({"outline_px": [list(point) for point in region.outline_px]} if region.outline_px else {})


def _region_of(entry: dict[str, Any]) -> Region:
    return Region(
        box_px=box_of(entry["box_px"]),
        probability=entry["probability"],
        frame=entry.get("frame"),
        outline_px=tuple((x, y) for x, y in entry.get("outline_px", ())),
    )
