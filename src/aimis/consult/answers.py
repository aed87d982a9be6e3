"""A reply as it comes from outside -> the value it stands for, or a sentence that says what would be one."""

from __future__ import annotations

import math
import re
import reprlib

from aimis.consult.model import UNKNOWN, Finding, Kind, Value
from aimis.domain.errors import AimisError

YES = frozenset({"yes", "y", "yeah", "yep", "true", "是", "是的", "有", "有的", "对", "会", "嗯"})
NO = frozenset({"no", "n", "nope", "false", "否", "不", "不是", "没", "没有", "无", "不会"})
NOT_KNOWN = frozenset(
    {
        UNKNOWN,
        "?",
        "don't know",
        "dont know",
        "not sure",
        "no idea",
        "不知道",
        "不清楚",
        "不确定",
        "说不清",
    }
)
_END = re.compile(r"^\s+|[\s.!\u3002\uff01]+$")


class ReplyError(AimisError):
    """A reply that answers nothing; the consultation stands where it stood."""


def read_answer(finding: Finding, reply: object) -> Value:
    """The value that a reply gives to a finding; ReplyError where it gives none.

    reply : true, false, an option's id, a list of ids, a number, or the words of one of these; "unknown"
    """
    if isinstance(reply, str) and reply.strip().lower() in NOT_KNOWN:
        return UNKNOWN
    if finding.kind is Kind.YES_NO:
        return _yes_no(finding, reply)
    if finding.kind is Kind.NUMBER:
        return _number(finding, reply)
    return _options(finding, reply)


def _yes_no(finding: Finding, reply: object) -> bool:
    if isinstance(reply, bool):
        return reply
    words = _END.sub("", reply).lower() if isinstance(reply, str) else ""
    if words in YES | NO:
        return words in YES
    raise ReplyError(f"{finding.id} is answered with true, false or {UNKNOWN!r}, not with {_shown(reply)}")


def _number(finding: Finding, reply: object) -> float:
    low, high = finding.range or (-math.inf, math.inf)
    try:
        value = math.nan if isinstance(reply, bool) else float(reply)  # type: ignore[arg-type]  # what else raises
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if low <= value <= high:
        return value
    unit = f" {finding.unit}" if finding.unit else ""
    raise ReplyError(f"{finding.id} is answered with a number from {low:g} to {high:g}{unit}, not with {_shown(reply)}")


def _options(finding: Finding, reply: object) -> Value:
    given = list(reply) if isinstance(reply, list | tuple) else [reply]
    chosen = [str(option) for option in given if isinstance(option, str | int) and not isinstance(option, bool)]
    strange = len(chosen) < len(given) or set(chosen) - set(finding.option_ids)
    if strange or (finding.kind is Kind.ONE_OF and len(chosen) != 1):
        few = ", ".join(finding.option_ids[:12]) + (", ..." if len(finding.option_ids) > 12 else "")
        how = "one" if finding.kind is Kind.ONE_OF else "a list"
        raise ReplyError(f"{finding.id} is answered with {how} of {few}, not with {_shown(reply)}")
    if finding.kind is Kind.ONE_OF:
        return chosen[0]
    real = {option for option in chosen if option != finding.none}
    kept = real or set(chosen)  # "nowhere" beside a place says nothing
    return tuple(option for option in finding.option_ids if option in kept)


def _shown(reply: object) -> str:
    """The beginning, also of lists in lists without end."""
    return reprlib.repr(reply)
