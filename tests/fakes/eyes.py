"""Drawn eyes: a lit disc with vessels and an optic disc, where every circle is known."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]


def eye(side: int = 500, *, disc_right: bool = True, light: float = 1.0, radius: float = 0.47) -> Rgb:
    """A square picture of shape (side, side, 3); the field is centred, its radius a share of the side."""
    middle, reach = side // 2, int(radius * side)
    picture = np.zeros((side, side, 3), np.uint8)
    cv2.circle(picture, (middle, middle), reach, (200, 110, 50), -1)
    place = (int(middle + (0.55 if disc_right else -0.55) * reach), middle)
    for angle in np.linspace(0, 2 * np.pi, 17):
        end = (int(place[0] + 0.9 * reach * np.cos(angle)), int(place[1] + 0.9 * reach * np.sin(angle)))
        cv2.line(picture, place, end, (130, 40, 25), max(1, side // 120), cv2.LINE_AA)
    cv2.circle(picture, place, reach // 7, (250, 215, 150), -1)
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (middle, middle), reach, 255, -1)
    return np.asarray(cv2.bitwise_and((picture * light).astype(np.uint8), picture * 0 + 255, mask=mask), dtype=np.uint8)
