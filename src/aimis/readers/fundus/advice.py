"""Which advice an outcome calls for, as codes that the texts put in words with their guideline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimis.readers.fundus.decide import REFERABLE_GRADE

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


def codes(findings: Sequence[Finding], grade: int | None, *, retinopathy: bool) -> tuple[str, ...]:
    """Returns the codes, most urgent first; of retinopathy the grade alone decides.

    retinopathy : any diabetic retinopathy is present, whether or not the reader lists it
    """
    present = {f.name for f in findings if f.present}
    named = tuple(code for name, code in _BY_FINDING.items() if name in present)
    if grade is not None:
        by_grade = _BY_GRADE[grade]
        return (by_grade, *named) if grade > REFERABLE_GRADE else (*named, by_grade)
    if named or not present:
        return named or ("no-finding-rescreen",)
    return ("abnormal-as-retinopathy",) if retinopathy else ("abnormal-refer",)
