"""A chest CT as a report of words and pictures: what HTML and PDF both set, and neither decides.

First how many nodules and which, then where they lie and how they look, then what changed, what guidelines ask for and
on which condition, and what other models say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from aimis.domain.reading import Status
from aimis.reports import document
from aimis.reports import scan_words as words
from aimis.reports.document import JOIN, Document, Level, Verdict
from aimis.reports.texts import Urgency
from aimis.reports.views import LETTERS, Views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from aimis.domain.reading import Outcome, Reading
    from aimis.domain.scan import Management, Nodule, Risk, Scan, Size
    from aimis.reports.texts import Texts
    from aimis.reports.views import Polyline, View

_MOST_BRIEF = 3
_BARS_MM, _LONGEST_BAR = (100, 50, 20, 10), 0.35  # of the picture's width
_LABEL_STEP = 0.075  # between numbers beside the overview, of its height
_JPEG_QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class Table:
    """Words in columns; shares : of the width, one a column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture with its lines beside it, all in pixels.

    letters : at its left, right, top and bottom; bar : a length in pixels and in words
    """

    title: str
    alt: str
    size_px: tuple[int, int]
    jpeg: bytes
    grey: npt.NDArray[np.uint8]
    letters: tuple[str, str, str, str]
    bar: tuple[float, str]
    outlines: tuple[Polyline, ...]
    axes: tuple[Polyline, ...]


@dataclass(frozen=True, kw_only=True)
class Label:
    """A nodule's number beside the overview.

    left : at its left side; height : 0..1 from its top; point : x, y of the nodule in pixels
    """

    number: int
    left: bool
    height: float
    point: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """A nodule's pictures, or those of a place not judged; words : what it is, in one line."""

    title: str
    words: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a guideline asks for: of which nodules (empty: of the whole scan), its category, and on which condition."""

    whose: str
    category: str
    text: str
    condition: str


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """One guideline with its rows; condition : what all of it depends on."""

    title: str
    condition: str
    citation: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScanPage(Document):
    """A whole report.

    facts : label and words of the series; limited, unlisted : sentences, empty where there is nothing to say
    unjudged : places that were not judged, before the nodules; their pictures are none where the CT is not at hand
    nodules, compared, risks : None where there is nothing to show
    compared_title : with the earlier CT's date
    """

    file: str
    verdict: Verdict
    facts: tuple[tuple[str, str], ...]
    limited: str
    unjudged: tuple[Pictures, ...]
    nodules: Table | None
    unlisted: str
    overview: Picture | None
    labels: tuple[Label, ...]
    pictures: tuple[Pictures, ...]
    compared_title: str
    compared: Table | None
    guidelines: tuple[Guideline, ...]
    risks: Table | None


def compose(reading: Reading, views: Views | None, texts: Texts) -> ScanPage:
    """The report of a scan in the language of the texts, which are about the chest.

    views : None where the volume is not at hand; nodules are then shown by their words
    """
    outcome, told = reading.outcome, reading.outcome.scan
    read = told is not None and outcome.status is Status.READ
    nodules = words.ranked((n for n in told.nodules if n.present), texts) if told and read else []
    shown = views or Views(nodules={})
    return ScanPage(
        **document.of_one(reading, texts),
        verdict=_verdict(outcome, nodules, texts),
        facts=tuple(words.facts(told, texts)) if told else (),
        limited=_limited(outcome, texts),
        unjudged=tuple(_unjudged(told, shown, texts)) if told and read else (),
        nodules=_nodule_table(nodules, texts),
        unlisted=_unlisted(len(told.nodules) - len(nodules), texts) if told and read else "",
        overview=_picture(shown.front, texts) if shown.front else None,
        labels=tuple(_labels(shown.front)) if shown.front else (),
        pictures=tuple(_pictures(nodule, shown, texts) for nodule in nodules if nodule.index in shown.nodules),
        compared_title=_compared_title(told, texts),
        compared=_comparison(told, nodules, texts) if told and read and told.prior else None,
        guidelines=tuple(_guidelines(told.management, nodules, texts)) if told and read else (),
        risks=_risk_table(nodules, texts),
    )


# ---- the result at one glance


def _verdict(outcome: Outcome, nodules: Sequence[Nodule], texts: Texts) -> Verdict:
    level = _level(outcome, nodules, texts)
    if outcome.status is not Status.READ:
        title = texts.status(outcome.status).title
        details: tuple[str, ...] = (document.reason_of(outcome, texts), texts.status(outcome.status).meaning)
    else:
        count = len(nodules)
        found = texts.label("one-nodule") if count == 1 else texts.label("many-nodules", count=count)
        title = found if nodules else texts.word("verdict", Level.NONE)
        places = [words.unjudged(place, texts) for place in outcome.scan.unjudged] if outcome.scan else []
        if places:
            title = words.listed((texts.label("look-here"), found if nodules else ""), texts)
        details = (*places[:_MOST_BRIEF], *_briefly(nodules, texts), *_categories(outcome.scan, texts))
    return Verdict(whose=words.whose(outcome.scan, texts), level=level, words=title, details=details)


def _level(outcome: Outcome, nodules: Sequence[Nodule], texts: Texts) -> Level:
    """As urgent as the most urgent of the advice and of what a guideline asks for of a nodule."""
    levels = {Urgency.URGENT: Level.URGENT, Urgency.SOON: Level.SOON, Urgency.REFER: Level.REFER}
    asked = {texts.advice(words.advice_code(m)).urgency for nodule in nodules for m in nodule.management}
    if outcome.scan is not None and outcome.scan.unjudged:
        asked.add(Urgency.SOON)
    of_advice = document.level_of([outcome], texts)
    found = [of_advice, *(level for urgency, level in levels.items() if urgency in asked)]
    return min(found, key=list(Level).index)


def _briefly(nodules: Sequence[Nodule], texts: Texts) -> Iterator[str]:
    """The most suspicious first, as they come."""
    for nodule in nodules[:_MOST_BRIEF]:
        number = texts.label("nodule-number", number=nodule.index + 1)
        yield texts.label("named", name=number, words=words.brief(nodule, texts))
    if len(nodules) > _MOST_BRIEF:
        yield texts.label("and-more", count=len(nodules) - _MOST_BRIEF)


def _categories(told: Scan | None, texts: Texts) -> Iterator[str]:
    """Of the scan as a whole, with what they depend on."""
    for management in told.management if told else ():
        if management.category:
            guideline = texts.word("guideline", management.guideline)
            shown = texts.label("named", name=guideline, words=management.category)
            conditions = _conditions(management.applies_if, texts)
            yield document.aside(shown, texts.label("only-if", conditions=conditions) if conditions else "", texts)


def _limited(outcome: Outcome, texts: Texts) -> str:
    """All that limits what was read."""
    if outcome.status is not Status.READ or outcome.reason is None:
        return ""
    reasons = (outcome.scan.limited if outcome.scan else ()) or (outcome.reason,)
    told = " ".join(texts.reason(reason) for reason in reasons)
    return texts.label("named", name=texts.label("limited-by"), words=told)


def _unlisted(count: int, texts: Texts) -> str:
    return texts.label("unlisted", count=count) if count else texts.label("none-unlisted")


# ---- tables


def _nodule_table(nodules: Sequence[Nodule], texts: Texts) -> Table | None:
    if not nodules:
        return None
    label = texts.label
    columns = (
        *(label("number"), label("place"), label("slice"), label("size"), label("volume"), label("density")),
        *(label("malignancy"), label("change"), label("probability")),
    )
    rows = tuple(
        (
            str(n.index + 1),
            words.place_and_pleura(n, texts),
            words.slices(n, texts),
            words.axes(n.size, texts),
            words.volume(n.size),
            words.density(n, texts),
            words.malignancy(n),
            words.change(n.growth, texts),
            document.probability(n.probability),
        )
        for n in nodules
    )
    return Table(columns=columns, rows=rows, shares=(0.04, 0.19, 0.11, 0.16, 0.08, 0.15, 0.09, 0.09, 0.09))


def _compared_title(told: Scan | None, texts: Texts) -> str:
    if told is None or told.prior is None:
        return ""
    days = next((n.growth.days for n in told.nodules if n.growth and n.growth.days is not None), None)
    since = "" if days is None else texts.label("days-between", days=days)
    return JOIN.join(filter(None, (texts.label("compared"), told.prior.date or "", since)))


def _comparison(told: Scan, nodules: Sequence[Nodule], texts: Texts) -> Table | None:
    """The nodules, then those that are gone."""
    rows = [row for n in nodules if (row := _compared(n, str(n.index + 1), n.size, texts))]
    rows += [row for n in told.gone if (row := _compared(n, words.RANGE, None, texts))]
    label = texts.label
    columns = (
        *(label("number"), label("place"), label("change"), label("size-before"), label("volume-before")),
        *(label("volume-change"), label("doubling-time")),
    )
    return Table(columns=columns, rows=tuple(rows), shares=(0.04, 0.2, 0.12, 0.13, 0.16, 0.1, 0.25)) if rows else None


def _compared(nodule: Nodule, number: str, now: Size | None, texts: Texts) -> tuple[str, ...] | None:
    growth = nodule.growth
    if growth is None:
        return None
    mean = None if now is None else now.mean_axis_mm
    return (
        number,
        words.place(nodule, texts),
        words.change(growth, texts),
        words.before_and_now(growth.prior_mean_axis_mm, mean, texts),
        words.before_and_now(growth.prior_volume_mm3, now.volume_mm3 if now else None, texts),
        words.volume_change(growth),
        words.doubling(growth, texts),
    )


def _risk_table(nodules: Sequence[Nodule], texts: Texts) -> Table | None:
    """Published models in columns, in the order of the first nodule that has them."""
    models = list(dict.fromkeys(risk.model for nodule in nodules for risk in nodule.risks))
    if not models:
        return None
    titles = tuple(texts.word("risk", model) for model in models)
    rows = tuple(
        (str(n.index + 1), words.malignancy(n), *(_risk(n.risks, model, texts) for model in models), _missing(n, texts))
        for n in nodules
    )
    share = 0.32 / len(models)
    return Table(
        columns=(texts.label("number"), texts.label("malignancy"), *titles, texts.label("left-out")),
        rows=rows,
        shares=(0.05, 0.13, *(share for _ in models), 0.5),
    )


def _risk(risks: Sequence[Risk], model: str, texts: Texts) -> str:
    told = next((risk.probability for risk in risks if risk.model == model), None)
    return texts.label("not-computed") if told is None else document.probability(told)


def _missing(nodule: Nodule, texts: Texts) -> str:
    codes = dict.fromkeys(code for risk in nodule.risks for code in risk.missing)
    return words.listed((texts.word("input", code) for code in codes), texts) or texts.label("none")


# ---- guidelines


def _guidelines(of_scan: Sequence[Management], nodules: Sequence[Nodule], texts: Texts) -> Iterator[Guideline]:
    """The one with the most urgent row first, its rows by urgency; the same row for several nodules once."""
    asked: dict[str, dict[Management, list[Nodule | None]]] = {}
    for whose, managements in ((None, of_scan), *((nodule, nodule.management) for nodule in nodules)):
        for management in managements:
            asked.setdefault(management.guideline, {}).setdefault(management, []).append(whose)
    for guideline, unsorted in sorted(asked.items(), key=lambda item: words.most_urgent(item[1], texts)):
        rules = dict(sorted(unsorted.items(), key=lambda item: words.most_urgent([item[0]], texts)))
        common = [code for code in next(iter(rules)).applies_if if all(code in m.applies_if for m in rules)]
        citations = dict.fromkeys(
            filter(None, (texts.advice(words.advice_code(management)).citation for management in rules))
        )
        yield Guideline(
            title=texts.word("guideline", guideline),
            condition=_condition(common, texts),
            citation=" ".join(citations),
            rules=tuple(_rule(management, whose, common, texts) for management, whose in rules.items()),
        )


def _rule(management: Management, whose: Sequence[Nodule | None], common: Collection[str], texts: Texts) -> Rule:
    """A row; common : the conditions that are said of the whole guideline."""
    scan = texts.label("whole-scan") if None in whose else ""
    numbers = words.numbers([nodule for nodule in whose if nodule], texts)
    return Rule(
        whose=words.listed((scan, numbers), texts),
        category=management.category,
        text=texts.advice(words.advice_code(management)).text,
        condition=_condition([code for code in management.applies_if if code not in common], texts),
    )


def _condition(codes: Sequence[str], texts: Texts) -> str:
    return texts.label("applies-if", conditions=_conditions(codes, texts)) if codes else ""


def _conditions(codes: Sequence[str], texts: Texts) -> str:
    return words.listed((texts.word("condition", code) for code in codes), texts)


# ---- pictures


def _unjudged(told: Scan, views: Views, texts: Texts) -> Iterator[Pictures]:
    """Each place with its pictures, none where they are not at hand."""
    for number, place in enumerate(told.unjudged):
        shown = views.unjudged[number] if number < len(views.unjudged) else ()
        yield Pictures(
            title=texts.label("look-here"),
            words=words.unjudged(place, texts),
            pictures=tuple(_picture(view, texts) for view in shown),
        )


def _pictures(nodule: Nodule, views: Views, texts: Texts) -> Pictures:
    told = words.slices(nodule, texts)
    return Pictures(
        title=texts.label("nodule-number", number=nodule.index + 1),
        words=words.listed((words.brief(nodule, texts), texts.label("slice-number", slice=told)), texts),
        pictures=tuple(_picture(view, texts, nodule.index + 1) for view in views.nodules[nodule.index]),
    )


def _picture(view: View, texts: Texts, number: int | None = None) -> Picture:
    rows, columns = view.grey.shape
    title = texts.word("plane", view.plane)
    longest = columns * _LONGEST_BAR * view.mm_per_px
    bar_mm = next((mm for mm in _BARS_MM if mm <= longest), _BARS_MM[-1])
    _, encoded = cv2.imencode(".jpg", view.grey, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return Picture(
        title=title,
        alt=title if number is None else texts.label("picture-alt", number=number, plane=title),
        size_px=(columns, rows),
        jpeg=encoded.tobytes(),
        grey=view.grey,
        letters=LETTERS[view.plane],
        bar=(bar_mm / view.mm_per_px, texts.label("millimetres", mm=bar_mm)),
        outlines=view.outlines,
        axes=view.axes,
    )


def _labels(front: View) -> Iterator[Label]:
    """Numbers stand at the nearer side at their nodule's height, or as near to it as the others leave room."""
    rows, columns = front.grey.shape
    for left in (True, False):
        side = sorted((m for m in front.marks if (m[1] < columns / 2) is left), key=lambda mark: mark[2])
        heights = _spread([y / rows for _, _, y in side])
        for (index, x, y), height in zip(side, heights, strict=True):
            yield Label(number=index + 1, left=left, height=height, point=(x, y))


def _spread(places: Sequence[float]) -> list[float]:
    """Rising places, moved down and at the bottom up again until they are a step apart."""
    spread: list[float] = []
    for place in places:
        spread.append(max(place, spread[-1] + _LABEL_STEP) if spread else place)
    for back in range(1, len(spread) + 1):
        spread[-back] = min(spread[-back], 1.0 - (back - 0.5) * _LABEL_STEP)
    return spread
