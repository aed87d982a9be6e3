"""Which parts of a video could not be read."""

from __future__ import annotations

from collections import deque

from aimis.domain.reading import Reason

_SPARE_S = 1.0
"""A file's length may be that of its sound, or rounded up; what is missing beyond this was cut off."""
_MOST_TOLD = 6


class Losses:
    """Follows a video frame by frame; after damage nothing is sound before the next key frame.

    A frame is drawn over the frames before it, so that damage stays in the picture, where a decoder hides it.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[float, float]] = []
        self._since: float | None = 0.0
        self._last_sound = 0.0
        self._breaks: deque[float] = deque()
        self._key_seen = self._frame_seen = False
        self.reached_s = 0.0

    def is_sound(self, seconds: float, *, key: bool, corrupt: bool) -> bool:
        """Whether a frame that was decoded shows what was filmed."""
        self._frame_seen, self._key_seen = True, self._key_seen or key
        self.passed(seconds)
        while self._breaks and self._breaks[0] <= seconds:
            self._breaks.popleft()
            self.damaged()
        if corrupt:
            self.damaged()
        elif key and self._since is not None:
            self._close(seconds)
        if self._since is None:
            self._last_sound = max(self._last_sound, seconds)
        return self._since is None

    def damaged(self) -> None:
        """Something after the last sound frame cannot be read."""
        if self._since is None:
            self._since = self._last_sound

    def broken_at(self, seconds: float) -> None:
        """The file is damaged before this time, to which the decoder has not come yet."""
        self._breaks.append(seconds)

    def passed(self, seconds: float) -> None:
        """The file holds a frame of this time, readable or not."""
        self.reached_s = max(self.reached_s, seconds)

    def reason(self, length_s: float | None) -> Reason | None:
        """What was lost, once all has been read; None where nothing was.

        length_s : as the file says it
        """
        parts = list(self._parts)
        cut_off = length_s is not None and self.reached_s < length_s - _SPARE_S
        end = max(self.reached_s, length_s or 0.0)
        if self._since is not None or cut_off:
            parts.append((self.reached_s if self._since is None else self._since, end))
        if not self._key_seen:
            return (
                Reason.of("video-without-key-frame") if self._frame_seen or self.reached_s else Reason.of("no-pixels")
            )
        if not parts:
            return None
        return Reason.of("video-cut-off" if cut_off else "video-damaged", times=_told(parts))

    def _close(self, seconds: float) -> None:
        began, self._since = self._since or 0.0, None
        if seconds - began > (0.0 if self._parts or self._last_sound else _SPARE_S):
            self._parts.append((began, seconds))


def _told(parts: list[tuple[float, float]]) -> str:
    """`12.0-13.5 s, 40.0-60.0 s`; of very many the first ones."""
    told = [f"{began:.1f}-{ended:.1f} s" for began, ended in parts[:_MOST_TOLD]]  # a plain hyphen: every font has it
    return ", ".join(told + ["..."] * (len(parts) > _MOST_TOLD))
