"""What a reading is worth, in sentences: how many of the sick and of the normal are marked at the setting in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimis.domain.reading import Status
from aimis.reports.document import JOIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aimis.domain.reading import Rate, Reading
    from aimis.reports.texts import Texts


def sentences(readings: Sequence[Reading], texts: Texts) -> tuple[str, ...]:
    """Returns what was measured, and what was not at a site's own thresholds; none where no reader states rates."""
    read = [reading for reading in readings if reading.outcome.status is Status.READ]
    rates = {rate.finding: rate for reading in read for rate in reading.outcome.rates}
    return tuple(_told(rates, _unmeasured(read, texts), texts))


def _told(rates: dict[str | None, Rate], unmeasured: str, texts: Texts) -> Iterator[str]:
    sick = [f"{texts.finding(name).title} {_of_100(rate)}" for name, rate in rates.items() if name]
    if sick:
        yield texts.label("rates-sick", listed=JOIN.join(sick))
    if None in rates:
        yield texts.label("rates-normal", marked=_of_100(rates[None]))
    if unmeasured:
        yield texts.label("rates-unmeasured", listed=unmeasured)


def _unmeasured(read: Sequence[Reading], texts: Texts) -> str:
    """The findings without a rate of readers whose operating point a site changed."""
    names = [
        finding.name
        for reading in read
        if ";" in reading.identity.operating_point
        for finding in reading.outcome.findings
        if finding.name not in {rate.finding for rate in reading.outcome.rates}
    ]
    return JOIN.join(texts.finding(name).title for name in dict.fromkeys(names))


def _of_100(rate: Rate) -> str:
    value, low, high = (round(100 * share) for share in (rate.value, rate.low, rate.high))
    return f"{value} ({low}-{high})"
