"""Measures the gates: what they refuse of real frames, what they find of faults put there, how stains are named.

    python -m training.oesophagus.inspection ../shared/data/oesophagus

Needs no torch. Writes results/gates.json. The stains of `ippa` are labelled here by look, and those of EDD2020's
centre AJ by its greenish frames; no source states them.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import skimage

from aimis.readers.oesophagus import aperture, quality, repeats, stain
from training.oesophagus import data

RESULTS = Path(__file__).parent / "results" / "gates.json"
LINKED = {
    66513, 66514, 66516, 66517, 66520, 66521, 66540, 66541, 66542, 66800, 66803, 66804, 66806, 66808,
    66809, 66811, 66815, 66816, 66819, 66924, 66926, 66927, 66929, 66931, 67060,
}  # fmt: skip
FLEXIBLE = {
    66511, 66531, 66532, 66533, 66534, 66535, 66536, 66786, 66788, 66796, 67057, 67058, 67063, 67064,
    67066, 67186,
}  # fmt: skip
_SIDE_PX = 288
_FAULTY = 60  # frames that faults are put into

Picture = npt.NDArray[np.uint8]
Change = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


class Looked(NamedTuple):
    """A frame as the gates take it."""

    row: data.Row
    square: Picture
    mask: Picture
    found: aperture.Aperture


def main() -> None:
    """All checks, printed and written."""
    cv2.setNumThreads(1)
    root = Path(sys.argv[1])
    frames = [look(root, row) for row in data.read_rows(root)]
    found = {
        "aperture": apertures(frames),
        "refused": refused(frames),
        "faults put into frames": faults(frames),
        "pictures outside the body": outside(),
        "stain": stains(frames),
        "likeness": likeness(frames),
    }
    for name, value in found.items():
        print(f"== {name}\n{json.dumps(value, indent=1)}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def look(root: Path, row: data.Row) -> Looked:
    """The frame as the gates take it."""
    return _look(row, _rgb(root / row["file"]))


def apertures(frames: list[Looked]) -> dict[str, Any]:
    """Of each source: frames, apertures found, frames with an inset."""
    told = {}
    for source in sorted({f.row["source"] for f in frames}):
        own = [f.found for f in frames if f.row["source"] == source]
        insets = sum(bool(a.insets_px) for a in own)
        told[source] = {"frames": len(own), "found": sum(a.found for a in own), "with an inset": insets}
    return told


def refused(frames: list[Looked]) -> dict[str, Any]:
    """Frames of oesophagus and junction refused for quality, by source and fault."""
    own = [f for f in frames if f.row["oesophagus"] in {"yes", "junction"}]
    codes = [(f.row["source"], _code(f.square, f.mask)) for f in own]
    bad = Counter(f"{source}: {code}" for source, code in codes if code)
    return {"frames": len(own), "refused": bad.total(), "share": round(bad.total() / len(own), 4), **bad}


def faults(frames: list[Looked]) -> dict[str, dict[str, int]]:
    """What the gates say of frames with a fault put in; those of gastrovision are soft by themselves."""
    own = [f for f in frames if f.row["oesophagus"] in {"yes", "junction"} and f.row["source"] != "gastrovision"]
    chosen = [own[i] for i in np.random.default_rng(0).choice(len(own), _FAULTY, replace=False)]
    return {name: dict(Counter(_code(_put(f, c), f.mask) or "none" for f in chosen)) for name, c in _changes().items()}


def outside() -> dict[str, str]:
    """What the gates say of scikit-image's pictures: cats, coffee, pages, moons."""
    told = {}
    for file in sorted((Path(skimage.__file__).parent / "data").glob("*.[pj][np]g")):
        seen = _look({}, _rgb(file))
        told[file.stem] = _code(seen.square, seen.mask) or "none"
    return told


def stains(frames: list[Looked]) -> dict[str, dict[str, int]]:
    """How often each stain was named what; white light is all that is not labelled otherwise."""
    table: dict[str, Counter[str]] = {}
    for frame in frames:
        colours = stain.colours(frame.square, frame.mask)
        table.setdefault(_stain_of(frame.row, colours), Counter())[stain.name(colours, frame.found)] += 1
    return {name: dict(counts) for name, counts in sorted(table.items())}


def likeness(frames: list[Looked]) -> dict[str, dict[str, float]]:
    """Share of pairs called the same view, within the groups of near-copies and across."""
    told = {}
    for source in sorted({f.row["source"] for f in frames}):
        own = [f for f in frames if f.row["source"] == source]
        near = repeats.likeness([repeats.descriptor(f.square) for f in own]) > repeats.ALIKE
        groups = np.array([f.row["group"] for f in own])
        same = groups[:, None] == groups[None]
        other, itself = ~same, np.eye(len(own), dtype=bool)
        within = near[same & ~itself]
        told[source] = {"within": float(within.mean()) if len(within) else -1.0, "across": float(near[other].mean())}
    return told


def _rgb(file: Path) -> Picture:
    bgr = cv2.imread(str(file))
    assert bgr is not None, file
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)


def _look(row: data.Row, rgb: Picture) -> Looked:
    found = aperture.find_aperture(rgb)
    square = aperture.normalise(rgb, found, _SIDE_PX)
    return Looked(row, square, aperture.shown(found, _SIDE_PX), found)


def _code(square: Picture, mask: Picture) -> str | None:
    reason = quality.fault(quality.measure(square, mask), quality.Limits())
    return None if reason is None else reason.code


def _changes() -> dict[str, Change]:
    """Faults by name; blur and motion in pixels of the square."""
    rng = np.random.default_rng(1)
    changes: dict[str, Change] = {
        **{f"blur, sigma {s}": lambda x, s=s: cv2.GaussianBlur(x, (0, 0), s) for s in (1.5, 2.5, 4.0)},
        **{f"motion over {n}": lambda x, n=n: cv2.filter2D(x, -1, np.full((1, n), 1 / n)) for n in (9, 15, 25)},
        **{f"light times {f}": lambda x, f=f: x * f for f in (0.5, 0.3, 0.2, 0.1)},
        **{f"light times {f} and glare": lambda x, f=f: x * f + 60 * (f - 1) for f in (1.5, 2.0, 3.0)},
        **{f"{n} bubbles": lambda x, n=n: _bubbles(x, n, rng) for n in (300, 600, 1000)},
        "wall alone": lambda x: rng.normal((190, 70, 60), 3, x.shape),
        "one colour": lambda x: np.full_like(x, 90),
        "grey": lambda x: np.repeat(x[..., 1:2], 3, axis=2),
    }
    return changes


def _put(frame: Looked, change: Change) -> Picture:
    """The frame with a fault, its surround black; what lies beyond the border is as near it."""
    within = frame.mask > 0
    weight = cv2.GaussianBlur(within.astype(np.float32), (0, 0), 8)
    around = cv2.GaussianBlur(frame.square.astype(np.float32), (0, 0), 8) / np.maximum(weight, 0.01)[..., None]
    filled = np.where(within[..., None], frame.square, around).astype(np.float32)
    return np.where(within[..., None], np.clip(change(filled), 0, 255), 0).astype(np.uint8)


def _bubbles(picture: npt.NDArray[np.float32], many: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    out = picture.copy()
    for x, y in rng.integers(0, len(picture), (many, 2)).tolist():
        radius = int(rng.integers(3, 9))
        cv2.circle(out, (x, y), radius, tuple((0.7 * picture[y, x]).tolist()), 1, cv2.LINE_AA)
        cv2.circle(out, (x - radius // 3, y - radius // 3), 1, (250.0, 250.0, 250.0), -1, cv2.LINE_AA)
    return out


def _stain_of(row: data.Row, colours: stain.Colours) -> str:
    """The stain by look; EDD2020's other centres are left out where they are not plainly red."""
    if row["source"] == "ippa":
        number = int(Path(row["file"]).stem.split("_")[-1])
        return "linked-colour" if number in LINKED else "flexible-colour" if number in FLEXIBLE else "blue-light"
    if row["source"] == "ipcl":
        return "narrow-band"
    if row["source"] == "edd2020" and colours.red_green < 0.4:
        return "narrow-band" if row["centre"] == "AJ" else "EDD2020, dyed or narrow-band"
    return "white-light"


if __name__ == "__main__":
    main()
