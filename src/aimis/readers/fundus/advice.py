"""Which advice an outcome calls for, as codes that the texts put in words with their guideline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimis.domain.reading import Finding

UNREAD = ("retake-photograph",)
_BY_GRADE = ("icdr-0-rescreen", "icdr-1-rescreen", "icdr-2-refer", "icdr-3-refer-soon", "icdr-4-refer-urgent")
_BY_FINDING = {
    "diabetic-macular-oedema": "dme-refer",
    "hypertensive-retinopathy": "hypertensive-refer",
    "age-related-macular-degeneration": "amd-refer",
    "pathological-myopia": "myopia-refer",
    "glaucoma": "glaucoma-refer",
    "cataract": "cataract-refer",
    "other-fundus-abnormality": "other-refer",
}
_REFERABLE_GRADE = 2


def codes(findings: Sequence[Finding], grade: int | None) -> tuple[str, ...]:
    """Most urgent first. A decision never asks for less than the grade does, nor the grade for less than it."""
    present = {f.name for f in findings if f.present}
    named = tuple(code for name, code in _BY_FINDING.items() if name in present)
    if grade is None:
        return named or (("abnormal-refer",) if present else ("no-finding-rescreen",))
    if "referable-diabetic-retinopathy" in present:
        grade = max(grade, _REFERABLE_GRADE)
    elif "any-diabetic-retinopathy" in present:
        grade = max(grade, 1)
    by_grade = _BY_GRADE[grade]
    return (by_grade, *named) if grade > _REFERABLE_GRADE else (*named, by_grade)
