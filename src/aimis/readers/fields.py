"""The forms that single values of a manifest take."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

_VERHOEFF_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def inside_the_folder(text: str) -> str:
    """The path, if it is relative, written with slashes and never leaves its folder; else ValueError."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text:
        raise ValueError(f"{text!r} must be a path inside the folder, with / between its parts")
    return text


def snomed_identifier(text: str) -> str:
    """The digits, if their last is Verhoeff's check digit (SNOMED CT Release File Specifications); else ValueError."""
    permuted, check = tuple(range(10)), 0
    for digit in reversed(text):
        check = _product_in_d5(check, permuted[int(digit)])
        permuted = tuple(_VERHOEFF_PERMUTATION[place] for place in permuted)
    if check:
        raise ValueError(f"{text} is no SNOMED CT identifier: its check digit is wrong")
    return text


def _product_in_d5(left: int, right: int) -> int:
    """In the dihedral group of the pentagon: 0..4 are turns, 5..9 mirrored."""
    turned = left + right if left < 5 else left - right
    return turned % 5 + 5 * ((left < 5) != (right < 5))


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Kebab = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
Version = Annotated[
    str, StringConstraints(pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")]
Licence = Annotated[str, StringConstraints(pattern=r"^(LicenseRef-)?[A-Za-z0-9][A-Za-z0-9.+-]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")]
Entry = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
File = Annotated[str, StringConstraints(min_length=1), AfterValidator(inside_the_folder)]
Snomed = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{5,17}$"), AfterValidator(snomed_identifier)]
Icd10 = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Probability = Annotated[float, Field(strict=True, ge=0, le=1)]
