"""What one input may cost: bytes, pixels and frames, checked before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from aimis.domain.errors import BrokenInputError, UnsupportedInputError

_REDUCTIONS = (8, 4, 2)
"""The scales at which a JPEG decodes faster than in full; in between it decodes slower (measured)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of one input; more than that is refused, never read in part.

    max_pixels : of one picture
    max_decoded_bytes : that decoding one picture may hold at once; deep and layered pictures meet it first
    max_bytes : of one file, or of one member of a zip
    enough_px : a picture is decoded or shrunk to a half, a quarter or an eighth while its shortest side stays
        at least this long
    max_frames : of one file
    """

    max_pixels: int = 150_000_000
    max_decoded_bytes: int = 750_000_000
    max_bytes: int = 256 * 2**20
    enough_px: int = 900
    max_frames: int = 1000

    def check_bytes(self, size: int) -> None:
        """Raises `UnsupportedInputError` "file-too-large" where a file of `size` bytes may not be read."""
        if size > self.max_bytes:
            raise UnsupportedInputError("file-too-large", megabytes=size / 1e6, limit=self.max_bytes / 1e6)

    def check_size(self, columns: int, rows: int, *, bytes_per_pixel: int = 4) -> None:
        """Raises "too-large" where a picture may not be decoded, "broken-picture" where it has no size."""
        if columns < 1 or rows < 1:
            raise BrokenInputError("broken-picture", why=f"{columns} x {rows}")
        most = min(self.max_pixels, self.max_decoded_bytes // bytes_per_pixel)
        if columns * rows > most:
            raise UnsupportedInputError("too-large", megapixels=columns * rows / 1e6, limit=most / 1e6)

    def check_frames(self, frames: int) -> None:
        """Raises `UnsupportedInputError` "too-many-frames" where a file holds more than may be read."""
        if frames > self.max_frames:
            raise UnsupportedInputError("too-many-frames", frames=frames, limit=self.max_frames)

    def reduction(self, columns: int, rows: int) -> int:
        """By how much a picture is shrunk: 1, 2, 4 or 8."""
        return next((r for r in _REDUCTIONS if min(columns, rows) >= r * self.enough_px), 1)


DEFAULT_LIMITS = Limits()
