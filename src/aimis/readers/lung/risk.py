"""Published models of a nodule's probability of cancer, computed from what a CT and its header tell.

What neither tells (family history, emphysema, smoking, earlier cancer) counts as absent and is named in `missing`: the
probability is then a lower bound. Where age or sex is not known a model that asks for it gives none, nor does either
for a calcified nodule: both were made on nodules without a benign pattern of calcium.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aimis.domain.scan import Density, Risk

if TYPE_CHECKING:
    from aimis.domain.scan import Nodule, Series

_BROCK = {  # McWilliams et al., N Engl J Med 2013;369:910-919, doi:10.1056/NEJMoa1214726: models 2b and 2a
    True: {"age": 0.0287, "female": 0.6011, "size": -5.3854, "upper": 0.6581, "count": -0.0824, "constant": -6.7892},
    False: {"age": 0.0321, "female": 0.5635, "size": -5.6693, "upper": 0.7116, "count": -0.0803, "constant": -6.8071},
}
_BROCK_DENSITY = {
    True: {Density.SOLID: 0.0, Density.PART_SOLID: 0.3770, Density.GROUND_GLASS: -0.1276},
    False: {Density.SOLID: 0.0, Density.PART_SOLID: 0.3395, Density.GROUND_GLASS: -0.3055},
}
_BROCK_SPICULATED = 0.7729
_BROCK_UNKNOWN = ("family-history", "emphysema")
_BROCK_MIDDLE_AGE, _BROCK_MIDDLE_COUNT, _BROCK_MIDDLE_SIZE = 62, 4, 1.58113883

_MAYO = {"age": 0.0391, "mm": 0.1274, "spiculated": 1.0407, "upper": 0.7838, "constant": -6.8272}
"""Swensen et al., Arch Intern Med 1997;157:849-855."""
_MAYO_UNKNOWN = ("smoking", "earlier-cancer")
_MAYO_MM = (4.0, 30.0)


def risks(nodule: Nodule, series: Series, count: int, *, spiculated: bool | None = None) -> tuple[Risk, ...]:
    """Brock and Mayo of a measured nodule.

    count : nodules reported in the scan
    spiculated : None where that was not judged: Brock's model without it is used, and Mayo takes it as absent
    """
    return brock(nodule, series, count, spiculated=spiculated), mayo(nodule, series, count, spiculated=spiculated)


def brock(nodule: Nodule, series: Series, count: int, *, spiculated: bool | None = None) -> Risk:
    """The full PanCan model, 2b where spiculation was judged, else 2a.

    Made for first screenings of smokers of 50 to 75 years; its size is the greatest axial diameter.
    """
    missing = _unknown(nodule, series, sex=True) + _BROCK_UNKNOWN + (() if spiculated is not None else ("spiculation",))
    if nodule.calcified:
        return Risk(model="brock", probability=None, missing=("without-calcium", *missing))
    if nodule.size is None or nodule.density is None or series.age_years is None or series.sex not in ("F", "M"):
        return Risk(model="brock", probability=None, missing=missing)
    given = _BROCK[spiculated is not None]
    logit = (
        given["constant"]
        + given["age"] * (series.age_years - _BROCK_MIDDLE_AGE)
        + given["female"] * (series.sex == "F")
        + given["size"] * ((nodule.size.long_axis_mm / 10) ** -0.5 - _BROCK_MIDDLE_SIZE)
        + given["upper"] * _upper(nodule)
        + given["count"] * (count - _BROCK_MIDDLE_COUNT)
        + _BROCK_DENSITY[spiculated is not None][nodule.density]
        + _BROCK_SPICULATED * bool(spiculated)
    )
    return Risk(model="brock", probability=_logistic(logit), missing=missing)


def mayo(nodule: Nodule, series: Series, count: int, *, spiculated: bool | None = None) -> Risk:
    """The Mayo Clinic model, made for a single nodule of 4 to 30 mm; none outside that."""
    missing = _unknown(nodule, series, sex=False) + _MAYO_UNKNOWN + (() if spiculated is not None else ("spiculation",))
    if nodule.size is None or series.age_years is None:
        return Risk(model="mayo", probability=None, missing=missing)
    held = {
        "without-calcium": not nodule.calcified,
        "single-nodule": count <= 1,
        "size-4-to-30-mm": _MAYO_MM[0] <= nodule.size.long_axis_mm <= _MAYO_MM[1],
    }
    outside = tuple(name for name, holds in held.items() if not holds)
    if outside:
        return Risk(model="mayo", probability=None, missing=(*outside, *missing))
    logit = (
        _MAYO["constant"]
        + _MAYO["age"] * series.age_years
        + _MAYO["mm"] * nodule.size.long_axis_mm
        + _MAYO["upper"] * _upper(nodule)
        + _MAYO["spiculated"] * bool(spiculated)
    )
    return Risk(model="mayo", probability=_logistic(logit), missing=missing)


def _unknown(nodule: Nodule, series: Series, *, sex: bool) -> tuple[str, ...]:
    known = {
        "age": series.age_years is not None,
        "sex": not sex or series.sex in ("F", "M"),
        "upper-lobe": nodule.place is not None and bool(nodule.place.lobe or nodule.place.zone),
    }
    return tuple(name for name, there in known.items() if not there)


def _upper(nodule: Nodule) -> bool:
    """In an upper lobe; where the lobe could not be told, in the upper third of the lung."""
    place = nodule.place
    if place is None:
        return False
    return place.lobe.endswith(("upper-lobe", "lingula")) if place.lobe else place.zone == "upper"


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
