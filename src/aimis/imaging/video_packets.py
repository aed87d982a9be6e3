"""Packets of pictures that no other is drawn over, told from their own bytes.

FFmpeg leaves such packets out too, but each takes the turn of a thread, so that two threads decode no faster than one
(measured).
Source: ISO/IEC 14496-10, 7.3.1 and 7.4.1; ISO/IEC 23008-2, 7.3.1.2 and table 7-1; ISO/IEC 14496-15, 5.3.3.1 and
8.3.3.1, for units that their length precedes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.codec.context import CodecContext
    from av.video.stream import VideoStream

    Packet = av.Packet[VideoStream]

_START = re.compile(rb"\x00\x00\x01")
_LENGTH_AT: Mapping[str, int] = {"h264": 4, "hevc": 21}
"""Where a decoder's configuration says in two bits of how many bytes a unit's length is, less one."""


def spare_packets(decoder: CodecContext) -> Callable[[Packet], bool]:
    """What tells whether a packet holds parts of such pictures and of no other.

    Of codecs but H.264 and HEVC, and of packets that are not whole, it is never told.
    """
    is_drawn_over = _DRAWN_OVER.get(decoder.name)
    if is_drawn_over is None:
        return lambda _packet: False
    said, at = decoder.extradata or b"", _LENGTH_AT[decoder.name]
    is_sized = len(said) > at and said[0] == 1
    first_bytes = partial(_of_sized, length_bytes=1 + (said[at] & 3)) if is_sized else _of_started

    def is_spare(packet: Packet) -> bool:
        parts = {is_drawn_over(first) for first in first_bytes(memoryview(packet))} - {None}
        return parts == {False}

    return is_spare


def _of_sized(content: memoryview, length_bytes: int) -> list[int]:
    """The first byte of each unit that its length precedes; none where the lengths do not come out even."""
    found, at = [], 0
    while at + length_bytes < len(content):
        found.append(content[at + length_bytes])
        at += length_bytes + int.from_bytes(content[at : at + length_bytes])
    return found if at == len(content) else []


def _of_started(content: memoryview) -> list[int]:
    """The first byte of each unit that a start code precedes."""
    return [content[start.end()] for start in _START.finditer(content[:-1])]


def _h264(first: int) -> bool | None:
    """By a unit's first byte: whether others may be drawn over the picture it is a part of; None where of none."""
    return bool(first >> 5 & 3) if 1 <= first & 31 <= 5 else None


def _hevc(first: int) -> bool | None:
    kind = first >> 1 & 63
    return None if kind > 31 else kind > 14 or bool(kind & 1)


_DRAWN_OVER: Mapping[str, Callable[[int], bool | None]] = {"h264": _h264, "hevc": _hevc}
