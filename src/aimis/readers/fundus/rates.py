"""Which measured rates hold for the decisions in use, and may be told with a reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimis.domain.reading import Rate
from aimis.readers.fundus import decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.readers.manifest import FindingEntry, ReaderEntry


def stated(entry: ReaderEntry, findings: Sequence[FindingEntry], operating_point: str) -> tuple[Rate, ...]:
    """Returns the rates of a reader at the operating point, without those that a site's own thresholds change.

    findings : of all readers of the folder, which decide together
    """
    own = {finding.name for finding in findings if finding.site_threshold is not None}
    changed = frozenset[str | None]().union(*map(decide.with_implied, own)) | ({None} if own else set())
    return tuple(
        Rate(finding=rate.finding, value=rate.value, low=rate.low, high=rate.high, n=rate.n)
        for rate in entry.rates
        if rate.point == operating_point and rate.finding not in changed
    )
