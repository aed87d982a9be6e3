"""Readers that were made of adults' pictures alone refuse a child's."""

from __future__ import annotations

from aimis.domain.errors import UnsupportedInputError

YEARS = 18
NO_ADULT = "no-adult"


def check(age_years: int | None) -> None:
    """Raises `UnsupportedInputError` "no-adult" of a child; an age that is not known is an adult's."""
    if age_years is not None and age_years < YEARS:
        raise UnsupportedInputError(NO_ADULT, years=YEARS)
