"""What a chest CT holds: the series that was read, its nodules as measured and judged, and what the guidelines say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimis.domain.reading import Reason

Point = tuple[float, float, float]
"""x, y, z in mm of the patient's coordinates, LPS: to the left, to the back, to the head (DICOM PS3.3 C.7.6.2.1.1)."""


class Density(StrEnum):
    """How dense a nodule is, by its share of solid tissue."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    GROUND_GLASS = "ground-glass"


class Change(StrEnum):
    """A nodule against the earlier CT."""

    NEW = "new"
    GROWING = "growing"
    STABLE = "stable"
    SHRINKING = "shrinking"
    GONE = "gone"
    NOT_COVERED = "not-covered"
    """The earlier CT does not show the place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask:
    """A nodule's voxels, in a box of the series' own voxels.

    origin_zyx, shape_zyx : of the box, in voxels of the volume as read (slice 0 lowest, rows to the back, columns to
        the patient's left)
    runs : lengths of alternating runs of 0 and 1 over the box in C order, beginning with 0
    """

    origin_zyx: tuple[int, int, int]
    shape_zyx: tuple[int, int, int]
    runs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A nodule as measured.

    long_axis_mm, short_axis_mm : in the axial plane of its largest section, perpendicular to each other
    mean_axis_mm : their mean, as measured; guidelines round it to the nearest millimetre
    diameter_mm : of the sphere of its volume
    solid_mean_axis_mm, solid_volume_mm3 : of the solid part; 0 where it has none
    mean_hu : over its voxels
    ends_lps_mm : the two ends of the long axis, then of the short one
    """

    long_axis_mm: float
    short_axis_mm: float
    mean_axis_mm: float
    diameter_mm: float
    volume_mm3: float
    solid_mean_axis_mm: float
    solid_volume_mm3: float
    mean_hu: float
    ends_lps_mm: tuple[Point, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a nodule lies.

    side : L or R; None where it could not be told
    zone : upper, middle or lower third of its lung's height
    lobe : as DICOM and SNOMED name it, e.g. right-upper-lobe; None where only side and zone are known
    pleura_mm : least distance from the nodule's edge to the edge of the lung; 0 where it touches
    """

    side: str | None = None
    zone: str | None = None
    lobe: str | None = None
    pleura_mm: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A nodule against the same one of the earlier CT.

    prior_index : of the earlier nodule; None for a new one
    doubling_days : volume doubling time, negative where it shrinks; with its 95 % interval by repeatability, of
        which an end is None where the interval reaches no growth at all; None where no dates are known
    volume_ratio : new over old
    """

    change: Change
    prior_index: int | None = None
    prior_volume_mm3: float | None = None
    prior_mean_axis_mm: float | None = None
    days: int | None = None
    volume_ratio: float | None = None
    doubling_days: float | None = None
    doubling_low_days: float | None = None
    doubling_high_days: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Risk:
    """A published model's probability of cancer; `missing` names the inputs that are not known and were left out.

    model : brock or mayo
    probability : 0..1; None where what is missing forbids it
    """

    model: str
    probability: float | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Management:
    """What one guideline says of a nodule or of the whole scan.

    guideline : fleischner-2017, lung-rads-2022 or bts-2015
    category : as the guideline names it, e.g. 4A; empty where it has none
    rule : id of the row in the guideline's data; its words are in the texts under `guideline-<guideline>-<rule>`
    applies_if : codes of what the reader cannot know and the rule depends on, e.g. high-risk, screening
    """

    guideline: str
    rule: str
    category: str = ""
    applies_if: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """One candidate, reported or not.

    index : 0-based, most probable first
    diameter_mm : as the JSON interface gives it: of the sphere of its volume
    probability : that it is a nodule, calibrated, 0..1; present : the decision at the operating point
    malignancy_probability : of the radiologists' vote, calibrated
    slices : first, largest section's and last, 0-based in the volume as read
    instance_numbers, sop_instance_uids : of the same three slices where the input is DICOM
    calcified : mostly of calcium
    size, place, mask, management and what follows : of reported candidates
    """

    index: int
    centre_lps_mm: Point
    diameter_mm: float
    probability: float
    present: bool
    malignancy_probability: float | None = None
    density: Density | None = None
    calcified: bool = False
    slices: tuple[int, int, int] | None = None
    instance_numbers: tuple[int, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()
    size: Size | None = None
    place: Place | None = None
    mask: Mask | None = None
    growth: Growth | None = None
    risks: tuple[Risk, ...] = ()
    management: tuple[Management, ...] = ()


class UnjudgedKind(StrEnum):
    """What a place that is not judged looks like; no diagnosis."""

    MASS = "mass"
    """Compact tissue."""
    CONSOLIDATION = "consolidation"
    """Tissue that spreads: consolidation, collapse or fluid."""
    CAVITY = "cavity"
    """A hollow with a wall."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unjudged:
    """A place in the lungs that was seen and not judged: larger than a nodule, or hollow.

    extent_mm : its longest side, to the nearest millimetre; known to about 5 mm
    slice : through its middle, 0-based in the volume as read
    instance_number, sop_instance_uid : of that slice where the input is DICOM
    """

    kind: UnjudgedKind
    centre_lps_mm: Point
    extent_mm: int
    place: Place
    slice: int
    instance_number: int | None = None
    sop_instance_uid: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The series that was read.

    shape_zyx, spacing_zyx_mm : of the volume as read
    thickness_mm : slice thickness as the header says it
    date : YYYY-MM-DD of the acquisition, else of the series or study; None where unknown
    age_years, sex : of the patient at that date; None where unknown
    choice : why this series of its study, e.g. "only series" as the code of a text
    others : descriptions of the series that were not read, with the code of why
    """

    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    thickness_mm: float | None = None
    kernel: str | None = None
    description: str | None = None
    date: str | None = None
    age_years: int | None = None
    sex: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    choice: str = "only-series"
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """All that a report of a chest CT shows beside its findings.

    nodules : every candidate down to a low probability, most probable first
    gone : nodules of the earlier CT that this one does not show
    prior : the earlier CT; None where none was given
    management : of the scan as a whole, e.g. its Lung-RADS category
    lung_volumes_ml : right, left
    limited : all that limits what was read, most grave first; the outcome's reason is the first
    unjudged : masses, consolidations and cavities, hollow ones first, then the widest; each is named in `limited` too
    """

    series: Series
    nodules: tuple[Nodule, ...] = ()
    gone: tuple[Nodule, ...] = ()
    prior: Series | None = None
    management: tuple[Management, ...] = ()
    lung_volumes_ml: tuple[float, float] | None = None
    limited: tuple[Reason, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
