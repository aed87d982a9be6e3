"""What a form sends -> an answer to a question."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from aimis.consult.model import UNKNOWN, Finding, Kind, Value
from aimis.web.desk import RefusedError

YES, NO, NONE = "yes", "no", "none-of-these"


def value_of(finding: Finding, sent: Sequence[str]) -> Value:
    """The answer; RefusedError where it is none to this question."""
    if list(sent) == [UNKNOWN]:
        return UNKNOWN
    if finding.kind is Kind.YES_NO:
        return _yes_or_no(sent)
    if finding.kind is Kind.NUMBER:
        return number_of(finding, sent[0] if sent else "")
    if finding.kind is Kind.ONE_OF:
        return _option(finding, sent)
    return _options(finding, sent)


def number_of(finding: Finding, text: str) -> float:
    """A number in the finding's range, however its digits are written."""
    low, high = finding.range or (0.0, 0.0)
    number = plain_number(text)
    if number is None or not low <= number <= high:
        raise RefusedError("refused-number")
    return number


def plain_number(text: str) -> float | None:
    """38,5 and 38.5 and full-width digits as a number; None where it is none."""
    try:
        return float(unicodedata.normalize("NFKC", text).strip().replace(",", "."))
    except ValueError:
        return None


def _yes_or_no(sent: Sequence[str]) -> bool:
    if list(sent) not in ([YES], [NO]):
        raise RefusedError("refused-answer")
    return sent[0] == YES


def _option(finding: Finding, sent: Sequence[str]) -> str:
    if len(sent) != 1 or sent[0] not in finding.option_ids:
        raise RefusedError("refused-answer")
    return sent[0]


def _options(finding: Finding, sent: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(sent))
    if chosen == (NONE,):
        return () if finding.none is None else (finding.none,)
    contradicts = len(chosen) > 1 and finding.none in chosen
    if not chosen or contradicts or any(option not in finding.option_ids for option in chosen):
        raise RefusedError("refused-answer")
    return chosen
