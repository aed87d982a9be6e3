"""Which advice an outcome calls for, as codes that the texts put in words with their guideline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.domain.reading import Finding

NEOPLASIA, BARRETT, OESOPHAGITIS = FINDINGS = ("oesophageal-neoplasia", "barretts-oesophagus", "oesophagitis")

UNREAD = ("repeat-endoscopy",)
UNSUPPORTED = ("not-this-reader",)
_NEOPLASTIC = {True: "neoplasia-in-barretts", False: "neoplasia-squamous"}


def codes(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Most urgent first; never empty. In Barrett's a lesion follows Barrett's guideline, else the squamous one."""
    present = {f.name for f in findings if f.present}
    found = []
    if NEOPLASIA in present:
        found += [_NEOPLASTIC[BARRETT in present], "describe-lesion"]
    if BARRETT in present:
        found.append("barretts-surveillance")
    if OESOPHAGITIS in present:
        found.append("oesophagitis-heal-first")
    return tuple(found) or ("no-finding-inspect",)
