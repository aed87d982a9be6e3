"""A decoded frame of a video as a person sees it: one field of two, square pixels, upright, small, RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from aimis.domain.errors import UnsupportedInputError
from aimis.imaging.still import Still

if TYPE_CHECKING:
    from fractions import Fraction

    from av.video.plane import VideoPlane

    from aimis.imaging import colour
    from aimis.imaging.limits import Limits

ENOUGH_SHORT_PX = 540
"""The shortest side that a frame is scaled to, or little more; a network reads less, a report shows little more."""
BYTES_PER_PIXEL = 30
"""What decoding holds of each pixel at once: 16 reference pictures and those in work, of 1.5 bytes a pixel."""
_WIDEST_PIXEL = 4
_HD_ROWS = 720
_UNSPECIFIED = 2
_QUARTER = 90


class Pictures:
    """Makes stills of one video's frames; for one thread, as its scaler is kept from frame to frame.

    aspect : width of a pixel by its height, as the file says
    enough_short_px : at least so long the shortest side stays that a frame is scaled to
    """

    def __init__(self, aspect: Fraction | None, limits: Limits, *, enough_short_px: int = ENOUGH_SHORT_PX) -> None:
        said = float(aspect or 1)
        self._aspect = said if 1 / _WIDEST_PIXEL <= said <= _WIDEST_PIXEL else 1.0
        self._limits = limits
        self._enough_px = min(enough_short_px, limits.enough_px)
        self._scaler = VideoReformatter()

    def still(self, frame: av.VideoFrame, number: int) -> Still:
        """The frame as a still whose full size has square pixels.

        Raises `UnsupportedInputError` "too-large" or "unsupported-pixels".
        """
        self._limits.check_size(frame.width, frame.height, bytes_per_pixel=BYTES_PER_PIXEL)
        full = self.full_size_px(frame.width, frame.height)
        scale = _scale(min(full), self._enough_px)
        rgb = self._rgb(frame, max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
        turns = round(frame.rotation / _QUARTER) % 4
        upright = np.ascontiguousarray(np.rot90(rgb, turns))
        upright.setflags(write=False)
        return Still(rgb=upright, full_size_px=full[::-1] if turns % 2 else full, frame=number)

    def full_size_px(self, columns: int, rows: int) -> tuple[int, int]:
        """Columns and rows with square pixels, none lost; before the frame is turned."""
        if self._aspect >= 1:
            return round(columns * self._aspect), rows
        return columns, round(rows / self._aspect)

    def _rgb(self, frame: av.VideoFrame, columns: int, rows: int) -> colour.Rgb:
        source = _one_field(frame) if frame.interlaced_frame and frame.height > 1 else frame
        unsaid = frame.colorspace == _UNSPECIFIED
        matrix = Colorspace.ITU709 if unsaid and frame.height >= _HD_ROWS else None  # as players do
        try:
            scaled = self._scaler.reformat(
                source,
                columns,
                rows,
                "rgb24",
                src_colorspace=matrix,
                interpolation=Interpolation.AREA,  # bilinear takes four times as long (measured)
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )
        except (av.FFmpegError, ValueError) as error:
            raise UnsupportedInputError("unsupported-pixels", photometric=frame.format.name) from error
        return cast("colour.Rgb", scaled.to_ndarray())


def _scale(short_px: int, enough_px: int) -> float:
    """To a half, a third and so on where enough is left, which takes FFmpeg half as long as to a size between."""
    by = short_px // enough_px
    return 1 / by if by > 1 else min(1.0, enough_px / short_px)


def _one_field(frame: av.VideoFrame) -> av.VideoFrame:
    """The upper field alone: what moved between the two would show as combs, and half the rows are enough."""
    field = av.VideoFrame(frame.width, (frame.height + 1) // 2, frame.format.name)
    field.colorspace, field.color_range = frame.colorspace, frame.color_range
    for whole, half in zip(frame.planes, field.planes, strict=True):
        upper = _rows(whole)[::2][: half.height]
        kept = np.zeros((half.height, half.line_size), np.uint8)
        width = min(upper.shape[1], half.line_size)
        kept[: len(upper), :width] = upper[:, :width]
        half.update(kept.tobytes())
    return field


def _rows(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    """The bytes of a plane, shape (rows, bytes of a row), its padding included; not copied."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
