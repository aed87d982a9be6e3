"""What the product's own code makes of the development photographs: the network's output and the quality measures.

Calibration and limits are set on these numbers and on no others, so that they fit what a user gets.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.imaging.decode import decode
from aimis.imaging.field import find_field, normalise_field
from aimis.inference.engine import Network, open_engine
from aimis.readers.fundus import network, quality

if TYPE_CHECKING:
    from training.fundus.data import Row

Outputs = dict[str, npt.NDArray[np.float64]]
"""logits (photographs, targets); gate, disc_offset and each measure of `quality.Quality` (photographs,)."""


def outputs_of(weights: Path, root: Path, rows: list[Row], side: int) -> Outputs:
    """Outputs of the rows' photographs, in order; nan where no field is found."""
    engine = open_engine(weights, precision="f32", streams=2)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda row: _one(engine, root / row["file"], side), rows))
    return {name: np.array([each[name] for each in found]) for name in found[0]}


def _one(engine: Network, path: Path, side: int) -> dict[str, object]:
    still = next(decode(path.read_bytes(), path.name))
    field = find_field(still.rgb)
    if field is None:
        raise ValueError(f"{path}: no field of view found")
    square = normalise_field(still.rgb, field, side)
    output = network.run(engine, square)
    measured = asdict(quality.measure(square, field.visible_fraction))
    return {"logits": output.logits, "gate": output.gate, "disc_offset": output.disc_offset, **measured}
