"""Which advice an outcome calls for, as codes that the texts put in words with their guideline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimis.domain.reading import Status
from aimis.readers.oesophagus.gates import SUSPICIOUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.domain.examination import FrameRecord
    from aimis.domain.reading import Finding

NEOPLASIA, BARRETT, OESOPHAGITIS = FINDINGS = ("oesophageal-neoplasia", "barretts-oesophagus", "oesophagitis")

UNREAD: tuple[str, ...] = ("repeat-endoscopy",)
UNSUPPORTED: tuple[str, ...] = ("not-this-reader",)
LOOK_HERE = "look-at-unjudged"
NOT_JUDGED = "neoplasia-not-judged"


def codes(findings: Sequence[Finding], *, partly: bool = False) -> tuple[str, ...]:
    """Most urgent first, neoplasia before the rest; never empty.

    partly : of an examination, whether neoplasia was not judged in some of its frames
    """
    shown = {f.name for f in findings if f.pointed_out}
    found = []
    if NEOPLASIA in shown:
        found += ["neoplasia-squamous", "describe-lesion"]
    if partly or any(f.name == NEOPLASIA and f.not_judged for f in findings):
        found.append(NOT_JUDGED)
    if BARRETT in shown:
        found.append("barretts-surveillance")
    if OESOPHAGITIS in shown:
        found.append("oesophagitis-heal-first")
    return tuple(found) or ("no-finding-inspect",)


def of_still(record: FrameRecord) -> tuple[str, ...]:
    """Of one frame by itself; empty where its status says what to do."""
    if record.status is Status.READ:
        return codes(record.findings)
    return (LOOK_HERE,) if is_suspicious(record) else ()


def is_suspicious(record: FrameRecord) -> bool:
    """Whether the frame was taken for another organ's and looks suspicious all the same."""
    return record.reason is not None and record.reason.code in SUSPICIOUS.values()
