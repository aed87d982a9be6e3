"""Of the series of a study the thin, original, axial one that covers the lungs is read; and why is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.errors import CaseError, UnsupportedInputError
from aimis.imaging import ct_choice, ct_instance, dicom_walk
from aimis.imaging.ct_choice import Choice
from aimis.imaging.ct_instance import Instance
from aimis.imaging.limits import DEFAULT_LIMITS
from aimis.reports.texts import LANGUAGES, core_table
from tests.fakes import ct
from tests.fakes.dicoms import file_of


@cache
def one() -> Instance:
    volume = ct.scan(ct.Scanner(shape=(1, 16, 16), spacing_mm=(1.0, 20.0, 20.0)), vessels=0)
    volume = replace(volume, spacing_mm=(1.0, 0.7, 0.7))
    content = file_of(ct.slice_dataset(volume, 0, 1, ct.Writing()))
    return ct_instance.read_instance(dicom_walk.walk(content, DEFAULT_LIMITS))


def series(name: str, *, step: float = 1.0, millimetres: float = 300.0, **changes: object) -> list[Instance]:
    plane = one().plane
    assert plane is not None
    found = []
    for at in range(round(millimetres / step)):
        placed = replace(plane, position_mm=(0.0, 0.0, at * step))
        usual = {"plane": placed, "thickness_mm": step, "description": name, "series_instance_uid": name}
        found.append(replace(one(), **(usual | changes)))  # type: ignore[arg-type]
    return found


def chosen(*all_of_them: list[Instance]) -> tuple[str | None, Choice]:
    instances = [instance for one_series in all_of_them for instance in one_series]
    choice = ct_choice.choose(instances)
    (name,) = {instances[at].description for at in choice.at}
    return name, choice


THIN = series("thin")


@pytest.mark.parametrize(
    ("other", "why", "why_not"),
    [
        (series("thick", step=3.0), "thinner-slices", "thicker-slices"),
        (series("thinner still", step=0.9, millimetres=130), "covers-more", "covers-less"),
        (series("again", image_type=("DERIVED", "SECONDARY", "AXIAL")), "original", "derived"),
        (series("bone", kernel="B80f"), "usual-kernel", "unusual-kernel"),
        (series("bone", kernel="BONEPLUS bone"), "usual-kernel", "unusual-kernel"),
        (series("fewer", millimetres=290), "more-slices", "fewer-slices"),
        (series("scout", image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")), "only-fit-series", "localiser"),
        (series("mip", image_type=("DERIVED", "SECONDARY", "AXIAL", "MIP")), "only-fit-series", "no-slices"),
        (series("screen", sop_class_uid="1.2.840.10008.5.1.4.1.1.7"), "only-fit-series", "no-slices"),
        (series("pet", modality="PT"), "only-fit-series", "not-a-ct"),
        (series("dose", modality="SR", plane=None, stored=None, lacking="Rows")[:1], "only-fit-series", "not-a-ct"),
        (series("few", millimetres=20), "only-fit-series", "too-few-slices"),
        (series("very thick", step=7.0), "only-fit-series", "too-thick-slices"),
        (series("broken", plane=None, lacking="PixelSpacing"), "only-fit-series", "broken-dicom"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_thin_series_is_read_and_the_other_is_named(other: list[Instance], why: str, why_not: str, first: bool) -> None:
    name, choice = chosen(THIN, other) if first else chosen(other, THIN)
    assert name == "thin"
    assert choice.code == why
    assert choice.others == ((f"{other[0].description} ({len(other)})", why_not),)
    assert choice.lost == 0


def test_slices_of_another_size_are_a_series_apart() -> None:
    stored = one().stored
    assert stored is not None
    odd = replace(THIN[7], stored=replace(stored, rows=20))
    name, choice = chosen([*THIN[:7], odd, *THIN[8:]])
    assert (name, len(choice.at)) == ("thin", 299)
    assert choice.others == (("thin (1)", "too-few-slices"),)


def test_breath_holds_that_overlap_are_one_series() -> None:
    lower, upper = (
        [replace(each, acquisition=number) for each in part] for number, part in ((1, THIN[:160]), (2, THIN[150:]))
    )
    _, choice = chosen([*lower, *upper])
    assert (choice.code, len(choice.at)) == ("only-series", 310)


def test_phases_of_the_whole_chest_are_told_apart() -> None:
    phases = [[replace(each, acquisition=number, number=at) for at, each in enumerate(THIN)] for number in (1, 2)]
    _, choice = chosen(*phases)
    assert (choice.code, len(choice.at), choice.others) == ("first-of-alike", 300, (("thin (300)", "alike"),))


def test_damaged_headers_of_the_series_are_counted_as_its_own() -> None:
    broken = replace(THIN[7], plane=None, lacking="ImagePositionPatient")
    _, choice = chosen([*THIN[:7], broken, *THIN[8:]])
    assert (choice.code, choice.lost, choice.others) == ("only-series", 1, ())


def test_reason_is_that_of_the_largest_ct_where_none_can_be_read() -> None:
    with pytest.raises(UnsupportedInputError, match="too-few-slices"):
        chosen(series("few", millimetres=30), series("pet", modality="PT"), series("scout")[:1])


@pytest.mark.parametrize("kernel", ["B30f", "B70f", "Br64d", "FC51", "BONE", "inner ear", "STANDARD", "LUNG", "10"])
def test_kernel_alone_refuses_nothing(kernel: str) -> None:
    assert chosen(series("only", kernel=kernel))[0] == "only"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_a_choice_has_words(language: str) -> None:
    told = {code for won, lost, _ in ct_choice._RANKS for code in (won, lost)}
    refused = {"not-a-ct", "localiser", "no-slices", "not-axial", "too-few-slices", "too-thick-slices", "broken-dicom"}
    assert (
        told | {*ct_choice._ALIKE, "only-series", "only-fit-series"} | refused == core_table(language)["choice"].keys()
    )


CHANGES: list[Callable[[list[Instance]], list[Instance]]] = [
    lambda slices: slices,
    lambda slices: slices[::2],
    lambda slices: slices[:50],
    lambda slices: [replace(each, modality="MR") for each in slices],
    lambda slices: [replace(each, frames=3) for each in slices[:2]],
    lambda slices: [replace(each, plane=None, stored=None, lacking="Rows") for each in slices],
    lambda slices: slices * 2,
]


@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_any_study_has_one_choice_whatever_the_order_or_a_reason(changes: list, seed: int) -> None:  # type: ignore[type-arg]
    slices = series("any", step=3.0, millimetres=150)
    found = [replace(each, series_instance_uid=str(n)) for n, change in enumerate(changes) for each in change(slices)]
    found = [found[at] for at in np.random.default_rng(seed).permutation(len(found))]
    try:
        choice = ct_choice.choose(found)
    except CaseError:
        return
    assert len({found[at].series_instance_uid for at in choice.at}) == 1
    assert len(set(choice.at)) == len(choice.at)
