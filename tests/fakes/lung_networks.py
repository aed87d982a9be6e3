"""Toy networks of the lung reader: what is bright is a nodule, its outline is where it is bright."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from aimis.readers.lung import slices

Arrays = dict[str, npt.NDArray[Any]]


class ToyFinder:
    """Marks middles of bright balls up to some 20 mm: brightness smoothed less what is around it."""

    name = "toy"

    def __init__(self, contrast: float = 20.0) -> None:
        self._contrast = contrast

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> Arrays:
        """Heat by the contrast, diameters of 8 mm."""
        bright = inputs["grid"][0].astype(np.float32).mean(axis=0) / 255
        heat = np.stack([cv2.GaussianBlur(p, (0, 0), 1.5) - cv2.GaussianBlur(p, (0, 0), 6.0) for p in bright])
        heat = np.moveaxis(
            np.stack([cv2.GaussianBlur(p, (1, 0), 0, sigmaY=1.5) for p in np.moveaxis(heat, 1, 0)]), 0, 1
        )
        found = np.stack([self._contrast * heat - 5.2, np.full_like(heat, np.log(8.0))])
        return {"map": found[None].astype(np.float32)}


class ToySlices:
    """Outlines what is denser than half way from lung to tissue; the wider the middle, the more a nodule."""

    name = "toy"

    def __init__(self, *, draws: bool = True) -> None:
        self._draws = draws

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], /) -> Arrays:
        """Answers of the size of the bright middle, outlines as logits."""
        squares = inputs["squares"].astype(np.float32) / 255
        outlines = (squares - 0.42) * 20
        middle = outlines[:, 20:28, 20:28].mean(axis=(1, 2))
        answers = np.repeat(middle[:, None], len(slices.ANSWERS), axis=1)
        drawn = outlines if self._draws else np.full_like(outlines, -9.0)
        return {"answers": answers.astype(np.float32), "outlines": drawn.astype(np.float32)}
