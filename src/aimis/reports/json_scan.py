"""Scans as JSON: what `aimis read --json` prints of a CT and its nodules, and the lossless record."""

from __future__ import annotations

import types
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from aimis.domain.reading import Reason
from aimis.domain.scan import Nodule, Scan

if TYPE_CHECKING:
    from aimis.domain.scan import Growth, Series, Size, Unjudged
    from aimis.reports.texts import Texts


def to_interface(scan: Scan, texts: Texts) -> dict[str, Any]:
    """What is said of a CT beside its findings, which are its nodules; no UID stands in it."""
    return {
        **_series_entry(scan.series),
        "limited": [texts.reason(reason) for reason in scan.limited],
        "prior": None if scan.prior is None else _series_entry(scan.prior),
        "gone": [_measured_entry(nodule) for nodule in scan.gone],
        "management": [asdict(rule) for rule in scan.management],
        "lung_volumes_ml": None if scan.lung_volumes_ml is None else list(scan.lung_volumes_ml),
    }


def unjudged_entry(place: Unjudged) -> dict[str, Any]:
    """A place that was not judged; no UID stands in it."""
    return {
        "kind": str(place.kind),
        "centre_lps_mm": [float(value) for value in place.centre_lps_mm],
        "extent_mm": place.extent_mm,
        "side": place.place.side,
        "zone": place.place.zone,
        "slice": place.slice,
        "instance_number": place.instance_number,
    }


def nodule_entry(name: str, nodule: Nodule) -> dict[str, Any]:
    """A candidate as a finding; of one that is reported also how it was measured and judged."""
    told = {
        "name": name,
        "probability": float(nodule.probability),
        "present": bool(nodule.present),
        "malignancy_probability": nodule.malignancy_probability,
    }
    return told | _measured_entry(nodule)


def to_record(scan: Scan) -> dict[str, Any]:
    """The whole scan as JSON types; `from_record` gives an equal one back."""
    return asdict(scan)


def from_record(entry: dict[str, Any]) -> Scan:
    """The scan of a record; KeyError, TypeError or ValueError where it is not whole."""
    scan: Scan = _built(Scan, entry)
    return scan


def _series_entry(series: Series) -> dict[str, Any]:
    return {
        "shape_zyx": list(series.shape_zyx),
        "spacing_zyx_mm": list(series.spacing_zyx_mm),
        "thickness_mm": series.thickness_mm,
        "kernel": series.kernel,
        "description": series.description,
        "date": series.date,
        "choice": series.choice,
        "others": [{"description": description, "why": why} for description, why in series.others],
    }


def _measured_entry(nodule: Nodule) -> dict[str, Any]:
    """Where a candidate is and how large; what was not told is left out."""
    told = {
        "centre_lps_mm": [float(value) for value in nodule.centre_lps_mm],
        "diameter_mm": float(nodule.diameter_mm),
        "density": nodule.density,
        "calcified": nodule.calcified or None,
        "slices": nodule.slices,
        "instance_numbers": nodule.instance_numbers or None,
        "size": nodule.size and _size_entry(nodule.size),
        "place": nodule.place and asdict(nodule.place),
        "growth": nodule.growth and _growth_entry(nodule.growth),
        "risks": [asdict(risk) for risk in nodule.risks] or None,
        "management": [asdict(rule) for rule in nodule.management] or None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _size_entry(size: Size) -> dict[str, Any]:
    return {key: value for key, value in asdict(size).items() if key != "diameter_mm"}


def _growth_entry(growth: Growth) -> dict[str, Any]:
    return {key: value for key, value in asdict(growth).items() if value is not None and key != "prior_index"}


@cache
def _types_of(record: type) -> dict[str, Any]:
    """A record's fields and what they hold."""
    hints = get_type_hints(record, localns={"Reason": Reason})
    return {field.name: hints[field.name] for field in fields(record)}


def _built(kind: Any, value: Any) -> Any:
    """A value of JSON as what an annotation says: a record, a tuple, an enumeration, or itself."""
    if value is None:
        return None
    if get_origin(kind) in {Union, types.UnionType}:
        return _built(next(one for one in get_args(kind) if one is not types.NoneType), value)
    if get_origin(kind) is tuple:
        return _built_tuple(get_args(kind), value)
    if is_dataclass(kind):
        known = _types_of(kind)  # type: ignore[arg-type]  # always a type here
        return kind(**{name: _built(known[name], held) for name, held in value.items()})  # type: ignore[operator]
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


def _built_tuple(kinds: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    """Of any length where the annotation ends in an ellipsis, else of the length it states."""
    if kinds[-1] is Ellipsis:
        return tuple(_built(kinds[0], value) for value in values)
    return tuple(_built(kind, value) for kind, value in zip(kinds, values, strict=True))
