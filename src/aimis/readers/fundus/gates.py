"""What must hold before a photograph is read: the right kind of picture, and good enough to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from aimis.domain.errors import UnsupportedInputError
from aimis.domain.reading import Measure, Reason
from aimis.readers import adults

if TYPE_CHECKING:
    from aimis.imaging.still import Still
    from aimis.readers.fundus.quality import Quality

FUNDUS_MODALITIES = frozenset({"OP", "XC", "SC", "OT", "GM"})
"""DICOM modalities (PS3.3 C.7.3.1.1.1) that may hold a colour fundus photograph."""

VEILS = frozenset({"low-contrast", "out-of-focus"})
"""Faults that a cataract makes; too little light or a cut field may be the camera's, so they show no cataract."""


class Limits(BaseModel):
    """The gates' thresholds, from the manifest's network table; measured as in `quality.Quality`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_side_px: int
    gate_logit: float
    colour: float
    warmth: float
    light: float
    burnt: float
    contrast: float
    detail: float
    field: float
    shaded: float


def check_kind(still: Still, limits: Limits) -> None:
    """UnsupportedInputError for what its file already says is no photograph of an adult's fundus, or a tiny picture."""
    if still.modality is not None and still.modality not in FUNDUS_MODALITIES:
        raise UnsupportedInputError("wrong-modality", modality=still.modality)
    adults.check(still.age_years)
    least = min(still.full_size_px)
    if least < limits.least_side_px:
        raise UnsupportedInputError("too-small", pixels=least, least=limits.least_side_px)


def check_scope(quality: Quality, gate: float, limits: Limits) -> None:
    """UnsupportedInputError for a picture that is no colour fundus photograph by its colours or to the network."""
    if quality.colour < limits.colour:
        raise UnsupportedInputError("no-colour")
    if gate < limits.gate_logit or quality.warmth < limits.warmth:
        raise UnsupportedInputError("not-a-fundus-photograph")


def fault(quality: Quality, limits: Limits) -> Reason | None:
    """The first thing that makes the photograph too poor to judge, or None."""
    faults = (
        ("field-cut-off", quality.field < limits.field),
        ("too-dark", quality.light < limits.light),
        ("too-bright", quality.burnt > limits.burnt),
        ("obstructed", quality.shaded > limits.shaded),
        ("low-contrast", quality.contrast < limits.contrast),
        ("out-of-focus", quality.detail < limits.detail),
    )
    return next((Reason.of(code) for code, bad in faults if bad), None)


def measures(quality: Quality, limits: Limits) -> tuple[Measure, ...]:
    """What was measured beside what is accepted, for the report."""
    return (
        Measure(name="light", value=quality.light, lowest=limits.light),
        Measure(name="burnt", value=quality.burnt, highest=limits.burnt),
        Measure(name="contrast", value=quality.contrast, lowest=limits.contrast),
        Measure(name="detail", value=quality.detail, lowest=limits.detail),
        Measure(name="field", value=quality.field, lowest=limits.field),
        Measure(name="shaded", value=quality.shaded, highest=limits.shaded),
    )
