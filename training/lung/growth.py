"""What the comparison says of nodules of known growth: put into a scan that the networks never saw, twice.

The later CT is the same scan with 20 HU of noise more and without its outermost rows; in it each nodule is larger by
a known ratio and turned by six degrees. The fold's networks read both, the later one with the earlier as its prior.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aimis.domain.scan import Change
from training.lung import data, insertion, kept_out, nodules, whole_scans

if TYPE_CHECKING:
    from aimis.domain.scan import Growth
    from aimis.imaging.volume import Volume

RATIOS = (1.0, 1.0, 1.3, 1.6, 2.0, 3.0, math.inf)
"""Volume of the later nodule to the earlier one's; without end where there was none."""
SIZES_MM = (4.0, 20.0)
ROUNDS, EACH = 3, 14
DATES, DAYS = ("2025-01-10", "2026-01-10"), 365
NOISE_HU, TRIMMED, TURNED = 20.0, 6, math.radians(6)


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A nodule put in twice: the ratio of its volumes, and what was said of it, if it was found."""

    ratio: float
    found: bool
    growth: Growth | None


def growth(root: Path, volumes: list[nodules.Nodule]) -> dict[str, Any]:
    """By true ratio: nodules, found later, told new, growing, stable or shrinking; errors of the ratio; coverage."""
    told = [each for fold in range(data.FOLDS) for each in _of_fold(root, fold, volumes)]
    named = {ratio: "none before" if math.isinf(ratio) else f"{ratio:g} times" for ratio in sorted(set(RATIOS))}
    return {name: _summary([g for g in told if g.ratio == ratio]) for ratio, name in named.items()}


def _of_fold(root: Path, fold: int, volumes: list[nodules.Nodule]) -> Iterator[Grown]:
    reader, rng = kept_out.reader(fold, "auto"), np.random.default_rng([fold, 5])
    base, own = whole_scans.plain(root, fold).volume, _own(fold, volumes)
    for chosen in np.array_split(rng.permutation(len(own))[: ROUNDS * EACH], ROUNDS):
        before, after, places = _pair(base, [own[k] for k in chosen], rng)
        scan = reader.read_volume(after, before)[reader.reader_id].scan
        seen = [n for n in scan.nodules if n.present] if scan else []
        for centre, ratio, diameter in places:
            near = [n.growth for n in seen if math.dist(n.centre_lps_mm, centre) <= diameter / 2]
            yield Grown(ratio=ratio, found=bool(near), growth=near[0] if near else None)


def _own(fold: int, volumes: list[nodules.Nodule]) -> list[nodules.Nodule]:
    """Nodules of the fold's patients kept for figures, of the sizes that growth is watched in."""
    own = [n for n in volumes if n.fold == fold and whole_scans.part_of(n.row["patient_id"]) == "figures"]
    low, high = SIZES_MM
    return [n for n in own if low <= n.diameter_mm <= high and n.row["patient_id"] != data.SCANS[fold]]


def _pair(
    base: Volume, own: list[nodules.Nodule], rng: np.random.Generator
) -> tuple[Volume, Volume, list[tuple[tuple[float, float, float], float, float]]]:
    """The earlier and the later CT; places in LPS mm, true ratios and later diameters."""
    old = base.hu.astype(np.float32)
    new = old + rng.standard_normal(old.shape, np.float32) * NOISE_HU
    free, taken, placed = whole_scans.places(base), [], []
    for number, nodule in enumerate(own):
        ratio, angle = RATIOS[number % len(RATIOS)], rng.uniform(0, 2 * math.pi)
        scale = 1.0 if math.isinf(ratio) else ratio ** (1 / 3)
        first = insertion.stamp(nodule, base.spacing_mm, angle=angle)
        later = insertion.stamp(nodule, base.spacing_mm, scale=scale, angle=angle + TURNED)
        place = free.put(new, later, rng, taken)
        if place is None or not (math.isinf(ratio) or insertion.put(old, first, place)):
            continue
        taken.append((place, later.diameter_mm))
        x, y, z = (float(v) for v in base.to_lps(place))
        placed.append(((x, y, z), ratio, later.diameter_mm))
    before, after = (
        replace(base, hu=np.rint(hu).astype(np.int16), series=replace(base.series, date=date))
        for hu, date in zip((old, new), DATES, strict=True)
    )
    return before, _trimmed(after), placed


def _trimmed(volume: Volume) -> Volume:
    """Without its first rows and columns, as another field of view."""
    x, y, z = (float(v) for v in volume.to_lps((0, TRIMMED, TRIMMED)))
    hu = np.ascontiguousarray(volume.hu[:, TRIMMED:, TRIMMED:])
    shape = (hu.shape[0], hu.shape[1], hu.shape[2])
    return replace(volume, hu=hu, origin_lps_mm=(x, y, z), series=replace(volume.series, shape_zyx=shape))


def _summary(told: list[Grown]) -> dict[str, Any]:
    known = [g.growth for g in told if g.growth is not None]
    said = {change.value: sum(g.change is change for g in known) for change in Change if change is not Change.GONE}
    pairs = [(g.growth.volume_ratio, g.ratio) for g in told if g.growth and g.growth.volume_ratio]
    errors = sorted(abs(math.log(measured / true)) for measured, true in pairs if not math.isinf(true))
    error = {"median error of the ratio": round(math.exp(errors[len(errors) // 2]) - 1, 2)} if errors else {}
    found = {"nodules": len(told), "found": sum(g.found for g in told)}
    return {**found, **{name: count for name, count in said.items() if count}, **error}
