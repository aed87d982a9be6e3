"""A patient's age as DICOM gives it."""

from __future__ import annotations

import math

_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_DATE_DIGITS, _OLDEST = 8, 150


def years(stated: str | None, birth: str | None, date: str | None) -> int | None:
    """Whole years: by the Age String (PS3.5 6.2, e.g. 061Y), else between two dates; None where nothing tells.

    birth, date : YYYYMMDD, with or without hyphens
    """
    by_age = _of_age_string(stated)
    return _between(birth, date) if by_age is None else by_age


def _of_age_string(text: str | None) -> int | None:
    if not text or not text[:-1].isdecimal() or text[-1] not in _UNITS:
        return None
    return math.floor(int(text[:-1]) * _UNITS[text[-1]])


def _between(birth: str | None, date: str | None) -> int | None:
    first, last = ((text or "").replace("-", "") for text in (birth, date))
    if not all(len(text) == _DATE_DIGITS and text.isdecimal() for text in (first, last)):
        return None
    whole = int(last[:4]) - int(first[:4]) - (last[4:] < first[4:])
    return whole if 0 <= whole < _OLDEST else None
