"""The report of an examination: what it says, in HTML and PDF, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from aimis.domain.examination import Examination, ExaminationKind
from aimis.domain.reading import Finding, Reading, Reason, Region, Status
from aimis.reports import examination, examination_pdf, html
from aimis.reports.document import Level
from aimis.reports.examination import PARIS, ROWS_OF, ExaminationPage
from aimis.reports.texts import LANGUAGES
from tests.integration.reports.test_pdf import pages
from tests.unit.reports.endoscopies import (
    NEOPLASIA,
    OWN,
    barretts,
    findings,
    frame,
    lost,
    pictures,
    reading,
    refused,
    stills,
    video,
    words,
)
from tests.unit.reports.test_html import Parsed

UNREAD = (Status.NOT_ASSESSABLE, Status.UNSUPPORTED, Status.FAILED)
EMPTY = Examination(kind=ExaminationKind.VIDEO, frames=())
READINGS: dict[str, Reading] = {
    "stills": reading(stills()),
    "eight key frames": reading(stills(48, 8), reason=Reason.of("too-dark")),
    "video": reading(video()),
    "nothing found": reading(stills(8, 0), 0.1),
    "unsupported": refused(told=stills(8, 0)),
    "failed": refused(Status.FAILED, EMPTY),
    "without frames": refused(Status.FAILED),
}


def composed(made: Reading, language: str = "en") -> ExaminationPage:
    told = made.outcome.examination or EMPTY
    return examination.compose(made, pictures(told.key_frames), words(language))


def markup(made: Reading, language: str = "en") -> Parsed:
    return Parsed(html.render_examination(composed(made, language), words(language)))


def test_finding_is_said_in_plain_words_with_its_probability() -> None:
    verdict = composed(reading(stills())).verdict
    assert verdict.level is Level.SOON
    assert verdict.words == "Look again before the patient leaves"
    assert verdict.details == ("Looks like neoplasia (0.90)",)
    assert verdict.whose == "Examination of 8 pictures"


def test_finding_says_in_how_many_frames_it_was_seen_and_which_show_it() -> None:
    row = composed(reading(stills())).rows[0]
    assert (row.shown, row.decision) == ("0.90", "Above")
    assert row.where == "above the threshold in 2 of 6 frames judged\N{NO-BREAK SPACE}· see no. 1, 2"


@pytest.mark.parametrize("status", UNREAD)
def test_unread_examination_never_passes_as_without_findings(status: Status) -> None:
    made = composed(refused(status, stills(8, 0)))
    assert made.verdict.level is Level.UNREAD
    assert made.verdict.words == words().status(status).title
    assert made.verdict.details[0] == words().reason(Reason.of("too-dark"))
    assert made.rows == ()
    assert "No finding" not in html.render_examination(made, words())


def test_what_limits_the_result_is_said() -> None:
    assert composed(reading(stills(), reason=Reason.of("too-dark"))).limited.startswith("Limited by: ")


def test_judged_frames_add_up_to_all() -> None:
    judged = composed(reading(stills())).judged
    assert [re.findall(r"(\d+) of 8", told) for told in judged] == [["6"], ["1"], ["1"]]


def test_share_is_never_rounded_to_none_or_all() -> None:
    frames = (*(frame(n) for n in range(999)), lost(999))
    told = Examination(kind=ExaminationKind.STILLS, frames=frames)
    assert composed(reading(told, 0.1)).judged[0].endswith("(> 99 %)")
    assert composed(reading(told, 0.1)).judged[2].endswith("(< 1 %)")


def test_key_frames_stand_in_their_order_with_place_site_and_stain() -> None:
    told = replace(stills(), key_frames=(1, 0))
    told = replace(told, frames=(frame(0, site="cardia-gej", stain="narrow-band"), *told.frames[1:]))
    first, second = composed(reading(told)).key_frames
    assert (first.number, first.place) == (1, "1.jpg")
    assert (second.place, second.seen) == ("0.jpg", "junction\N{NO-BREAK SPACE}· narrow band")
    assert composed(reading(video())).key_frames[0].place == "0:55.0"


def test_lines_are_drawn_for_what_is_present_alone() -> None:
    first, *_ = composed(reading(stills(8, 1))).key_frames
    assert [line.pattern for line in first.lines] == [0]
    (plain,) = composed(reading(replace(stills(8, 0), key_frames=(0,)), 0.1)).key_frames
    assert plain.lines == ()
    assert plain.found == "nothing above the operating point"


def test_region_of_the_examination_is_drawn_in_its_frame() -> None:
    made = reading(replace(stills(8, 0), key_frames=(2, 3)))
    region = Region(box_px=(10, 10, 90, 90), probability=0.9, frame=3)
    found = Finding(name=NEOPLASIA, probability=0.9, present=True, regions=(region,))
    made = replace(made, outcome=replace(made.outcome, findings=(found, *made.outcome.findings[1:])))
    assert [len(shown.lines) for shown in composed(made).key_frames] == [0, 1]


def test_heading_asks_to_look_again_only_where_something_is_shown() -> None:
    assert composed(reading(stills())).key_frames_title == "Look at these again"
    assert composed(reading(replace(stills(8, 0), key_frames=(0,)), 0.1)).key_frames_title == "Key frames"


def test_key_frame_whose_picture_is_not_at_hand_is_named() -> None:
    made = examination.compose(reading(stills()), {}, words())
    assert [shown.jpeg for shown in made.key_frames] == [None, None]
    assert "1.jpg" in Parsed(html.render_examination(made, words())).words
    assert pages(examination_pdf.render(made, words())) >= 1


def test_unjudged_frames_are_counted_by_reason_and_named() -> None:
    frames = (frame(0), *(lost(n) for n in range(1, 13)), lost(13, "blurred"), lost(14, "other", Status.UNSUPPORTED))
    groups = composed(reading(Examination(kind=ExaminationKind.STILLS, frames=frames), 0.1)).unjudged
    assert [group.frames for group in groups] == [12, 1, 1]
    assert groups[0].reason == words().reason(Reason.of("too-dark"))
    assert groups[0].where.startswith("1.jpg, 2.jpg")
    assert groups[0].where.endswith("8.jpg, and 4 more")
    assert groups[2].status == "Not supported"


def test_rare_reasons_are_summed_up_and_none_is_lost() -> None:
    frames = tuple(lost(n, f"reason-{n}") for n in range(20))
    groups = composed(refused(told=Examination(kind=ExaminationKind.STILLS, frames=frames))).unjudged
    assert sum(group.frames for group in groups) == 20
    assert groups[-1].reason == "Other reasons"


def test_unjudged_stretches_of_a_video_are_times_and_the_longest_stand_first_of_many() -> None:
    assert [group.where for group in composed(reading(video())).unjudged] == ["0:00–0:10"]
    flickers = [lost(n, seconds=n / 4) if n % 8 == 0 or n > 180 else frame(n, seconds=n / 4) for n in range(200)]
    told = Examination(kind=ExaminationKind.VIDEO, frames=tuple(flickers), seconds=50.0)
    assert "0:45–0:50" in composed(reading(told, 0.1)).unjudged[0].where


def test_followed_lesions_name_time_probability_and_key_frame() -> None:
    (lesion,) = composed(reading(video())).followed
    assert (lesion.span, lesion.probability, lesion.key) == ("0:50–1:00", "0.90", "1")


def test_stations_are_photographed_or_missing() -> None:
    made = composed(reading(stills()))
    assert [(p.name, p.frames, p.lists) for p in made.photographed] == [
        ("oesophagus", 6, ""),
        ("antrum", 1, "ESGE, BSG"),
    ]
    assert [p.name for p in made.missing] == ["fundus"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("made", READINGS.values(), ids=READINGS)
def test_html_needs_no_script_and_nothing_from_outside(made: Reading, language: str) -> None:
    parsed = markup(made, language)
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in parsed.tags}
    assert all(str(source).startswith("data:image/jpeg;base64,") for source in parsed.attributes("src"))
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    for label in ("research-use", "symptoms", "probability-meaning", "provenance"):
        assert words(language).label(label) in parsed.words


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_says_what_is_found_where_and_what_to_do(language: str) -> None:
    shown, told = markup(reading(video()), language).words, words(language)
    assert told.finding(NEOPLASIA).title in shown
    assert told.advice("second-look").text in shown
    assert told.advice("second-look").citation in shown
    assert "0:55.0" in shown
    assert all(kind in shown for kind in PARIS)
    assert told.label("timeline-legend") in shown


def test_fields_of_the_endoscopist_are_empty() -> None:
    inputs = [attributes for tag, attributes in markup(reading(stills())).tags if tag == "input"]
    fields = [attributes for attributes in inputs if attributes.get("id") != "outlines"]
    assert len(fields) == 2 + len(PARIS) + 2
    assert not any("value" in attributes or "checked" in attributes for attributes in fields)
    assert not any(tag == "input" for tag, _ in markup(refused(told=stills(8, 0))).tags)


def test_outlines_lie_beside_the_untouched_picture_and_can_be_hidden() -> None:
    parsed = markup(reading(stills()))
    assert sum(tag == "polygon" for tag, _ in parsed.tags) == 2 * 2, "dark under bright, in two key frames"
    assert ("input", {"type": "checkbox", "class": "toggle", "id": "outlines", "checked": None}) in parsed.tags


def test_names_of_files_are_text_and_never_markup() -> None:
    told = stills()
    named = replace(told.frames[0], name='<script>"x"</script>.jpg')
    made = reading(replace(told, frames=(named, *told.frames[1:])), path="<b>&\udcff")
    shown = html.render_examination(composed(made), words())
    assert "<script" not in shown
    assert "<b>&" not in shown
    assert pages(examination_pdf.render(composed(made), words())) >= 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("made", READINGS.values(), ids=READINGS)
def test_pdf_is_two_pages_at_most_with_every_font_embedded(made: Reading, language: str) -> None:
    document = examination_pdf.render(composed(made, language), words(language))
    assert pages(document) <= 2
    assert b"/FontFile2" in document
    assert b"/Helvetica" not in document


@pytest.mark.parametrize("count", ROWS_OF)
def test_any_number_of_key_frames_stays_on_the_first_page(count: int) -> None:
    assert pages(examination_pdf.render(composed(reading(stills(48, count))), words())) <= 2
    assert sum(ROWS_OF[count]) == count


def test_same_reading_gives_the_same_pdf_and_html() -> None:
    made = READINGS["video"]
    assert examination_pdf.render(composed(made), words()) == examination_pdf.render(composed(made), words())
    assert html.render_examination(composed(made), words()) == html.render_examination(composed(made), words())


def test_words_come_in_the_language_and_fall_back_key_by_key() -> None:
    assert composed(reading(stills()), "zh").verdict.details == ("疑似肿瘤（0.90）",)
    assert OWN["zh"]["findings"].keys() < OWN["en"]["findings"].keys()
    assert composed(reading(stills()), "zh").rows[2].title == "Oesophagitis"


def test_frame_above_the_threshold_without_the_examination_is_still_marked() -> None:
    made = composed(reading(stills(8, 1), 0.2))
    assert made.verdict.level is Level.NONE
    assert made.key_frames[0].findings[0][1] == "0.90"
    assert findings(0.2)[0].present is False


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("judged", [0, 3])
def test_what_was_not_judged_is_said_and_is_no_all_clear(language: str, judged: int) -> None:
    made, texts = barretts(judged), words(language)
    page = composed(made, language)
    assert page.verdict.level is Level.NOT_JUDGED
    assert page.verdict.words != texts.word("verdict", Level.NONE)
    assert page.rows[0].decision == texts.label("not-present" if judged else "not-judged")
    assert texts.label("not-judged-in", frames=2, count=judged + 2) in page.rows[0].where
    assert all(texts.label("not-judged-look") in frame.found for frame in page.key_frames)
    assert page.key_frames_title == texts.label("look-again")
    assert pages(examination_pdf.render(page, texts)) == 1
    for said in (page.verdict.words, texts.label("not-judged-look")):
        assert said in html.render_examination(page, texts)


def test_marks_are_outlined_and_never_in_the_colour_of_an_alarm() -> None:
    page = composed(barretts())
    assert [(row.present, row.quiet) for row in page.rows] == [(False, True), (False, True), (False, False)]
    assert page.rows[1].decision == words().label("mark")
    for shown in page.key_frames:
        assert (shown.alarms, shown.look) == (False, True)
        assert {line.pattern for line in shown.lines} == {1}, "Barrett's is the second of the reader's list"
    text = html.render_examination(page, words())
    assert 'class="present"' not in text
    assert 'class="found yes"' not in text
    assert 'class="found look"' in text


def test_frame_of_another_organ_that_deserves_a_look_is_shown_as_not_judged() -> None:
    other = lost(8, "other-organ", Status.UNSUPPORTED, site="colon", size_px=(640, 480))
    quiet = stills(8, 0)
    told = replace(quiet, frames=(*quiet.frames, other), key_frames=(8,))
    page = composed(reading(told, 0.1))
    (shown,) = page.key_frames
    assert shown.found == words().label("not-judged-look")
    assert page.verdict.level is Level.NOT_JUDGED
