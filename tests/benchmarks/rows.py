"""One figure against its limit, and how often it was taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure against its limit.

    at_most : else the limit is the least
    """

    what: str
    unit: str
    limit: float
    values: tuple[float, ...]
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the median holds the limit."""
        middle = median(self.values)
        return middle <= self.limit if self.at_most else middle >= self.limit


def repeated(action: Callable[[int], float], times: int) -> list[float]:
    """The values of so many runs, after three that do not count."""
    for number in range(min(3, times)):
        action(number)
    return [action(number) for number in range(times)]
