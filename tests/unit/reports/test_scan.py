"""The report of a chest CT: what it says, in HTML and PDF, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.domain.reading import Reading, Reason, Status
from aimis.domain.scan import Change, Density, Growth, Management, Place, Scan, Unjudged, UnjudgedKind
from aimis.reports import html, scan, scan_words, views
from aimis.reports.document import Level
from aimis.reports.scan import ScanPage
from aimis.reports.texts import LANGUAGES
from tests.unit.reports import chests
from tests.unit.reports.chests import FLEISCHNER, LUNG_RADS, compared, nodule, reading, words
from tests.unit.reports.test_html import Parsed

UNREAD = (Status.NOT_ASSESSABLE, Status.UNSUPPORTED, Status.FAILED)
NONE = chests.scan(nodule(0, present=False))
READINGS: dict[str, Reading] = {
    "two nodules": reading(),
    "one nodule": reading(chests.scan(nodule(0))),
    "fourteen nodules": reading(chests.scan(*(nodule(n) for n in range(14)))),
    "compared": reading(compared()),
    "limited": reading(replace(chests.scan(), limited=(Reason.of("too-dark"),)), reason=Reason.of("too-dark")),
    "no nodule": reading(NONE),
    "no candidate": reading(Scan(series=chests.series())),
    "unsupported": reading(status=Status.UNSUPPORTED),
    "failed without a series": replace(reading(), outcome=replace(reading(status=Status.FAILED).outcome, scan=None)),
}


@cache
def cut(name: str) -> views.Views | None:
    made = READINGS[name].outcome
    return views.cut(chests.volume(), made.scan) if made.scan and made.status is Status.READ else None


def composed(name: str, language: str = "en") -> ScanPage:
    return scan.compose(READINGS[name], cut(name), words(language))


def of(told: Scan, language: str = "en") -> ScanPage:
    return scan.compose(reading(told), None, words(language))


def markup(name: str, language: str = "en") -> Parsed:
    return Parsed(html.render_scan(composed(name, language), words(language)))


def cells(page: ScanPage, title: str, row: int = 0) -> str:
    assert page.nodules is not None
    return page.nodules.rows[row][page.nodules.columns.index(title)]


def test_result_counts_the_reported_nodules_and_names_the_likeliest_malignant_first() -> None:
    verdict = of(chests.scan(nodule(0, malignancy_probability=0.1), nodule(1, malignancy_probability=0.6))).verdict
    assert verdict.words == "2 nodules"
    assert verdict.details[0] == "No. 2: left lung, lower third, 12 mm, solid, malignancy 0.60"
    assert verdict.details[1].startswith("No. 1: right lung")
    assert composed("one nodule").verdict.words == "1 nodule"
    assert composed("fourteen nodules").verdict.details[3] == "and 11 more"


def test_result_names_the_category_of_the_scan_and_what_it_depends_on() -> None:
    asked = Management(guideline=LUNG_RADS, rule="all", category="4A", applies_if=("screening",))
    assert of(chests.scan(management=(asked,))).verdict.details[-1] == "Lung-RADS 2022: 4A (if this was screening)"


def test_result_is_as_urgent_as_what_a_guideline_asks_for() -> None:
    small = Management(guideline=FLEISCHNER, rule="small")
    assert of(chests.scan()).verdict.level is Level.SOON
    assert of(chests.scan(nodule(0, management=(small,)))).verdict.level is Level.PRESENT
    assert of(NONE).verdict.level is Level.NONE


@pytest.mark.parametrize("status", UNREAD)
@pytest.mark.parametrize("language", LANGUAGES)
def test_unread_scan_never_passes_as_without_nodules(status: Status, language: str) -> None:
    told = words(language)
    page = scan.compose(reading(status=status), None, told)
    assert (page.verdict.level, page.verdict.words) == (Level.UNREAD, told.status(status).title)
    assert page.verdict.details[0] == told.reason(Reason.of("truncated"))
    assert (page.nodules, page.unlisted, page.pictures, page.guidelines) == (None, "", (), ())
    shown = html.render_scan(page, told)
    assert told.label("no-nodules") not in shown
    assert told.word("verdict", Level.NONE) not in shown


def test_nodules_are_shown_as_they_were_measured() -> None:
    page = composed("two nodules")
    assert cells(page, "Place") == "right lung, lower third, 3.2 mm to the pleura"
    assert cells(page, "Slice (from–to)") == "32 (28–36)"
    assert cells(page, "Long × short, mean (mm)") == "20.0 × 19.0, mean 20"
    assert cells(page, "Volume (mm³)") == "4189"
    assert cells(page, "Density") == "solid, −20 HU"
    assert (cells(page, "Malignancy"), cells(page, "Probability"), cells(page, "Change")) == ("0.80", "0.95", "–")


def test_nodule_of_which_little_is_known_has_dashes_and_no_guesses() -> None:
    bare = nodule(0, size=None, density=None, place=None, slices=None, instance_numbers=())
    page = of(chests.scan(replace(bare, malignancy_probability=None, management=(), risks=())))
    assert [cells(page, title) for title in ("Place", "Slice (from–to)", "Density", "Malignancy")] == ["–"] * 4
    assert page.risks is None
    assert page.guidelines == ()


def test_place_is_the_lobe_where_it_is_known_and_touching_the_pleura_is_said() -> None:
    told = nodule(0, place=Place(side="R", zone="upper", lobe="right-upper-lobe", pleura_mm=0.2))
    assert scan_words.place_and_pleura(told, words()) == "right upper lobe, touches the pleura"
    assert scan_words.place(nodule(0, place=Place(side="L")), words()) == "left lung"


def test_part_solid_nodule_says_its_solid_part_and_calcium() -> None:
    told = nodule(0, density=Density.PART_SOLID, calcified=True)
    assert scan_words.density(told, words()) == "part-solid, solid part 10 mm, calcified, −20 HU"


def test_slices_are_counted_from_the_feet_where_there_are_no_instance_numbers() -> None:
    told = nodule(0, instance_numbers=(), slices=(9, 12, 14))
    assert scan_words.slices(told, words()) == "13 (10–15)"


def test_numbers_in_a_row_are_a_range() -> None:
    told = [nodule(n) for n in (0, 1, 3, 4, 5, 8)]
    assert scan_words.numbers(told, words()) == "No. 1, 2, 4–6, 9"
    assert scan_words.numbers([], words()) == ""


@given(st.floats(0, 200))
def test_mean_axis_is_rounded_to_the_nearest_millimetre_halves_up(mm: float) -> None:
    shown = int(scan_words.rounded(mm))
    assert -0.5 < shown - mm <= 0.5


def test_candidates_below_the_point_are_counted_and_not_listed() -> None:
    page = composed("two nodules")
    assert page.nodules is not None
    assert len(page.nodules.rows) == 2
    assert page.unlisted.startswith("2 more candidates lie below the operating point")
    assert composed("no candidate").unlisted == words().label("none-unlisted")


def test_scan_says_which_series_was_read_why_and_which_were_not() -> None:
    series = chests.series(description="LUNG 1.0", choice="thinnest", others=(("MIP 10", "projection"),))
    told = dict(of(replace(chests.scan(), series=series)).facts)
    assert told["Series read"].startswith("2026-01-30\N{NO-BREAK SPACE}· LUNG 1.0")
    assert "60 slices 2.5 mm apart, pixels 2 × 2 mm" in told["Series read"]
    assert told["Why this series"] == words().word("choice", "thinnest")
    assert told["Series not read"] == f"MIP 10 ({words().word('choice', 'projection')})"


def test_everything_that_limits_the_reading_is_said() -> None:
    reasons = (Reason.of("too-dark"), Reason.of("truncated"))
    made = reading(replace(chests.scan(), limited=reasons), reason=reasons[0])
    shown = scan.compose(made, None, words()).limited
    assert shown.startswith("Limited by: ")
    assert all(words().reason(reason) in shown for reason in reasons)
    assert of(chests.scan()).limited == ""


def test_comparison_shows_growth_with_its_interval_new_nodules_and_those_that_are_gone() -> None:
    page = composed("compared")
    assert (
        page.compared_title
        == "Compared with the earlier CT\N{NO-BREAK SPACE}· 2025-07-14\N{NO-BREAK SPACE}· 200 days between"
    )
    assert page.compared is not None
    grown, new, gone = page.compared.rows
    assert grown[2:] == (
        "growing",
        "16 → 20",
        "2000 → 4189",
        "+100 %",
        "doubles in 200 days (150 to no change)",
    )
    assert (new[0], new[2], new[4]) == ("2", "new", "– → 905")
    assert (gone[0], gone[1], gone[2], gone[4]) == ("–", "left lung, upper third", "gone", "2000 → –")


def test_shrinking_halves_and_growth_without_dates_has_no_time() -> None:
    shrinking = Growth(
        change=Change.SHRINKING, prior_volume_mm3=100.0, volume_ratio=0.5, doubling_days=-90.0, doubling_low_days=-120.0
    )
    assert scan_words.doubling(shrinking, words()) == "halves in 90 days (120 to no change)"
    assert scan_words.volume_change(shrinking) == "−50 %"
    undated = Growth(change=Change.GROWING, prior_volume_mm3=100.0, volume_ratio=2.0)
    assert scan_words.doubling(undated, words()) == "not known without dates"


def test_scan_without_an_earlier_ct_has_no_comparison() -> None:
    page = composed("two nodules")
    assert (page.compared, page.compared_title) == (None, "")


def test_guidelines_say_once_what_holds_for_several_nodules_and_on_which_condition() -> None:
    own = Management(guideline=FLEISCHNER, rule="small")
    told = chests.scan(nodule(0), nodule(1), nodule(2, management=(own,)), management=(_category("2"),))
    fleischner, lung_rads = of(told).guidelines  # the one with the more urgent row first
    assert (lung_rads.title, lung_rads.rules[0].whose, lung_rads.rules[0].category) == ("Lung-RADS 2022", "Scan", "2")
    assert (lung_rads.condition, lung_rads.rules[0].condition) == ("Applies if: this was screening", "")
    both, single = fleischner.rules
    assert (both.whose, both.text, both.condition) == ("No. 1, 2", "Consider PET/CT.", "Applies if: the risk is high")
    assert (single.whose, single.condition) == ("No. 3", "")
    assert fleischner.citation == "Radiology 2017", "once, though two rows have it"


def test_row_that_gives_the_scan_its_category_is_said_once_for_both() -> None:
    row = _category("4A")
    told = chests.scan(nodule(0, management=(row,)), nodule(1, management=(_category("2"),)), management=(row,))
    (guideline,) = of(told).guidelines
    assert [(rule.whose, rule.category) for rule in guideline.rules] == [("Scan, No. 1", "4A"), ("No. 2", "2")]


def _category(name: str) -> Management:
    return Management(guideline=LUNG_RADS, rule="all", category=name, applies_if=("screening",))


def test_other_models_stand_beside_the_vote_with_what_they_lack() -> None:
    page = composed("two nodules")
    assert page.risks is not None
    assert page.risks.columns[1:] == ("Malignancy", "Brock (PanCan)", "Mayo", "Not known, or why not")
    assert page.risks.rows[0] == ("1", "0.80", "0.30", "not computed", "smoking")


def test_shares_of_a_table_s_columns_fill_its_width() -> None:
    page = composed("compared")
    for table in (page.nodules, page.compared, page.risks):
        assert table is not None
        assert sum(table.shares) == pytest.approx(1)
        assert len(table.shares) == len(table.columns) == len(table.rows[0])


@given(st.lists(st.floats(0, 1), max_size=10))
def test_numbers_beside_the_overview_never_overlap_nor_leave_it(places: list[float]) -> None:
    spread = scan._spread(sorted(places))
    assert all(b - a >= 0.0749 for a, b in pairwise(spread))
    assert all(0 <= place <= 1 for place in spread)


def test_numbers_stand_at_the_side_of_their_nodule() -> None:
    assert [(label.number, label.left) for label in composed("two nodules").labels] == [(1, True), (2, False)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", READINGS)
def test_html_needs_no_script_and_nothing_from_outside(name: str, language: str) -> None:
    parsed = markup(name, language)
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in parsed.tags}
    sources = [*parsed.attributes("src"), *parsed.attributes("href")]
    assert all(str(source).startswith("data:image/jpeg;base64,") for source in sources)
    assert not any(key.startswith("on") for _, attributes in parsed.tags for key in attributes)
    for label in ("research-use", "research-use-long", "symptoms", "probability-meaning", "no-finding-meaning"):
        assert words(language).label(label) in parsed.words


def test_every_reported_nodule_has_six_pictures_with_words_for_who_cannot_see_them() -> None:
    parsed = markup("two nodules")
    alts = [str(attributes["alt"]) for tag, attributes in parsed.tags if tag == "img"]
    assert len(alts) == 12
    assert alts[:2] == ["Nodule 1: Whole slice.", "Nodule 1: Axial."]


def test_outlines_lie_beside_the_untouched_pictures_and_can_be_hidden() -> None:
    parsed = markup("two nodules")
    assert sum(tag == "polygon" for tag, _ in parsed.tags) == 2 * 2 * 4, "dark under bright, of two nodules"
    assert sum(tag == "polyline" for tag, _ in parsed.tags) == 2 * 2 * 2
    assert ("input", {"type": "checkbox", "class": "toggle", "id": "outlines", "checked": None}) in parsed.tags


def test_scan_that_is_not_at_hand_is_reported_in_words() -> None:
    page = of(chests.scan())
    assert words().label("no-key-images") in Parsed(html.render_scan(page, words())).words


def test_names_are_text_and_never_markup() -> None:
    series = chests.series(description="<script>1</script>", kernel="<b>&")
    made = scan.compose(reading(replace(chests.scan(), series=series)), None, words())
    shown = html.render_scan(made, words())
    assert "<script" not in shown
    assert "<b>&" not in shown


def test_words_come_in_the_language_and_fall_back_key_by_key() -> None:
    page = composed("compared", "zh")
    assert page.verdict.words == "2 个结节"
    assert page.guidelines[0].rules[0].text == "可考虑 PET/CT。"
    assert page.guidelines[0].citation == "Radiology 2017"
    assert page.risks is not None
    assert page.risks.rows[0][-1] == "吸烟史"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_a_nodule_has_words(language: str) -> None:
    told = words(language)
    values: list[tuple[str, str]] = [("density", d) for d in Density] + [("change", c) for c in Change]
    values += [("plane", value) for value in views.Plane] + [("zone", z) for z in ("upper", "middle", "lower")]
    values += [("guideline", name) for name in (FLEISCHNER, LUNG_RADS, "bts-2015")]
    values += [("risk", "brock"), ("risk", "mayo"), ("lung-side", "L"), ("lung-side", "R")]
    for table, value in values:
        shown = told.word(table, value)
        assert shown, (table, value)
        assert language == "en" or re.search("[\u4e00-\u9fff]", shown), (table, value)


def test_the_report_begins_with_what_was_not_judged_then_the_most_urgent_nodule() -> None:
    small = Management(guideline=FLEISCHNER, rule="small")
    told = chests.scan(
        nodule(0, management=(small,), malignancy_probability=0.1),
        nodule(1, malignancy_probability=0.9),
        unjudged=(
            Unjudged(
                kind=UnjudgedKind.CAVITY,
                centre_lps_mm=(50.0, 10.0, -300.0),
                extent_mm=41,
                place=Place(side="L"),
                slice=3,
            ),
        ),
    )
    page = of(told)
    assert "look here" in page.verdict.words
    assert "cavity, about 41 mm" in page.verdict.details[0]
    assert page.nodules is not None
    assert [row[0] for row in page.nodules.rows] == ["2", "1"]
    assert page.guidelines[0].rules[0].text == "Consider PET/CT."
