"""What is said of an examination follows from its frames: laws, and the cases of an endoscopy room."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimis.domain.examination import ExaminationKind, FrameRecord
from aimis.domain.reading import Claim, Finding, Outcome, Reason, Region, Status
from aimis.readers.manifest import Calibration, FindingEntry, OperatingPoints, ReaderEntry
from aimis.readers.oesophagus import advice, conclude
from aimis.readers.oesophagus.advice import BARRETT, FINDINGS, NEOPLASIA
from aimis.readers.oesophagus.judged import Conclusion, Pooling, Private, Rules
from aimis.readers.oesophagus.quality import Quality
from aimis.readers.port import JudgedFrame

STILLS, VIDEO = ExaminationKind.STILLS, ExaminationKind.VIDEO
SHARP = Quality(
    light=0.6,
    dark=0,
    burnt=0,
    glare=0,
    contrast=0.1,
    detail=0.04,
    smear=0.1,
    foam=0,
    flat=0,
    colour=0.4,
    variety=0,
    dyed=0,
)


def claim(name: str) -> Literal[Claim.ALARM, Claim.MARK]:
    return Claim.ALARM if name == NEOPLASIA else Claim.MARK


def rules(**conclusion: Any) -> Rules:
    points = OperatingPoints(screening=0.3, balanced=0.5, specific=0.7)
    calibration = Calibration(slope=1, offset=0)
    findings = tuple(
        FindingEntry(name=n, calibration=calibration, operating_points=points, claim=claim(n)) for n in FINDINGS
    )
    entry = ReaderEntry(
        id="oesophagus", version="1.0.0", title="t", intended_use="u", inputs=("examination",), findings=findings
    )
    return Rules(entry=entry, operating_point="balanced", conclusion=Conclusion(**conclusion))


@cache
def picture(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(10, 250, (16, 16, 3), dtype=np.uint8)


def read(
    index: int,
    probability: float = 0.02,
    *,
    seconds: float | None = None,
    seed: int | None = None,
    at: float = 100.0,
    barretts: bool = False,
    **record: Any,
) -> JudgedFrame:
    """A frame of the oesophagus that was read; `at` is where its lesion lies; `barretts`: and is not judged for it."""
    above = probability >= 0.5
    region = Region(box_px=(at, at, at + 80, at + 80), probability=probability, frame=index)
    lesion = Finding(
        name=NEOPLASIA,
        probability=probability,
        present=above and not barretts,
        regions=(region,) if above else (),
        claim=Claim.NOT_JUDGED if barretts else Claim.ALARM,
    )
    others = tuple(
        Finding(name=n, probability=0.9 if marked else 0.01, present=False, claim=Claim.MARK, marked=marked)
        for n in FINDINGS
        if n != NEOPLASIA
        for marked in [barretts and n == BARRETT]
    )
    known = {"site": "oesophagus", "stain": "white-light", "size_px": (960, 540), "seconds": seconds, **record}
    frame = FrameRecord(index=index, status=Status.READ, findings=(lesion, *others), **known)
    private = Private(quality=SHARP, descriptor=picture(index if seed is None else seed))
    return JudgedFrame(record=frame, interest=conclude.interest(frame, private), private=private)


def unread(index: int, status: Status = Status.NOT_ASSESSABLE, site: str | None = None) -> JudgedFrame:
    return JudgedFrame(record=FrameRecord(index=index, status=status, reason=Reason.of("out-of-focus"), site=site))


def refused(index: int, code: str) -> JudgedFrame:
    """By what its file says, not looked at."""
    return JudgedFrame(record=FrameRecord(index=index, status=Status.UNSUPPORTED, reason=Reason.of(code)))


def of(site: str, index: int) -> JudgedFrame:
    return unread(index, Status.UNSUPPORTED, site)


def suspicious(index: int, site: str = "colon") -> JudgedFrame:
    """A frame that the gate took for another organ's and that looks suspicious."""
    reason = Reason.of("suspicious-elsewhere", site=site)
    record = FrameRecord(index=index, status=Status.UNSUPPORTED, reason=reason, site=site)
    return JudgedFrame(record=record, interest=0.6, private=Private(quality=SHARP, descriptor=picture(1000 + index)))


def concluded(judged: Sequence[JudgedFrame], kind: ExaminationKind = STILLS, **given: Any) -> Outcome:
    pictured = given.pop("pictured", {j.record.index for j in judged})
    limited = given.pop("limited", None)
    return conclude.conclude(judged, kind=kind, seconds=None, pictured=pictured, limited=limited, rules=rules(**given))


def video(probabilities: Sequence[float], step: float = 0.25, **frame: Any) -> list[JudgedFrame]:
    return [read(i, p, seconds=i * step, **frame) for i, p in enumerate(probabilities)]


def neoplasia(outcome: Outcome) -> Finding:
    return next(f for f in outcome.findings if f.name == NEOPLASIA)


def code(outcome: Outcome) -> tuple[Status, str | None]:
    return outcome.status, outcome.reason.code if outcome.reason else None


probabilities = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=12)


@given(probabilities, st.randoms())
@settings(max_examples=25, deadline=None)
def test_order_of_stills_changes_no_probability(values: list[float], random: Any) -> None:
    frames = [read(i, p, seed=i % 5) for i, p in enumerate(values)]
    shuffled = random.sample(frames, len(frames))
    one, other = concluded(frames), concluded(shuffled)
    assert [f.probability for f in one.findings] == pytest.approx([f.probability for f in other.findings], abs=2e-6)
    assert one.classifications == other.classifications


@given(probabilities, st.sampled_from([Status.NOT_ASSESSABLE, Status.FAILED]), st.sampled_from([STILLS, VIDEO]))
@settings(max_examples=25, deadline=None)
def test_unreadable_frame_never_lowers_a_probability(
    values: list[float], status: Status, kind: ExaminationKind
) -> None:
    frames = [read(i, p, seconds=i * 0.25) for i, p in enumerate(values)]
    before = concluded(frames, kind)
    after = concluded([*frames, unread(99, status)], kind)
    assert all(b.probability >= a.probability for a, b in zip(before.findings, after.findings, strict=True))


@given(st.lists(st.floats(0.001, 0.2), min_size=3, max_size=60), st.data(), st.sampled_from([0.04, 0.25, 1.0]))
@settings(max_examples=25, deadline=None)
def test_one_flicker_of_a_video_never_alarms(values: list[float], data: st.DataObject, step: float) -> None:
    values[data.draw(st.integers(0, len(values) - 1))] = 0.9999
    outcome = concluded(video(values, step), VIDEO)
    assert not neoplasia(outcome).present
    assert outcome.examination is not None
    assert outcome.examination.tracks == ()


@given(st.integers(0, 16), st.sampled_from([0.1, 0.25]))
@settings(max_examples=20, deadline=None)
def test_lesion_seen_for_a_second_alarms_and_is_followed(first: int, step: float) -> None:
    count = round(1.0 / step)
    values = [0.02] * first + [0.9] * count + [0.02] * (20 - first)
    outcome = concluded(video(values, step), VIDEO)
    assert neoplasia(outcome).present
    assert outcome.examination is not None
    (track,) = outcome.examination.tracks
    assert track.frames == tuple(range(first, first + count))
    assert (track.first_seconds, track.last_seconds) == pytest.approx((first * step, (first + count - 1) * step))
    assert track.key_frame in track.frames
    assert outcome.examination.key_frames[0] == track.key_frame


def test_lesion_with_one_bad_sample_in_its_second_still_alarms() -> None:
    assert neoplasia(concluded(video([0.02] * 6 + [0.9, 0.9, 0.05, 0.9] + [0.02] * 6), VIDEO)).present


def test_flicker_frozen_for_seconds_does_not_alarm() -> None:
    frames = video([0.02] * 10)
    frozen = [read(10 + i, 0.99, seconds=2.5 + 0.25 * i, seed=777) for i in range(8)]
    after = [read(18 + i, 0.02, seconds=4.5 + 0.25 * i) for i in range(8)]
    outcome = concluded([*frames, *frozen, *after], VIDEO)
    assert not neoplasia(outcome).present
    assert outcome.examination is not None
    reasons = [r.reason.code if r.reason else None for r in outcome.examination.frames[10:18]]
    assert reasons == [None, *["frozen-repeat"] * 7]


def test_lesions_apart_in_time_are_tracks_of_their_own() -> None:
    values = [0.02] * 4 + [0.9] * 5 + [0.02] * 12 + [0.95] * 5 + [0.02] * 4
    outcome = concluded(video(values), VIDEO)
    assert outcome.examination is not None
    assert [t.frames for t in outcome.examination.tracks] == [tuple(range(4, 9)), tuple(range(21, 26))]


def test_sights_far_apart_in_the_picture_are_not_one_lesion() -> None:
    there = [read(i, 0.9, seconds=i * 0.25, at=20) for i in range(4)]
    elsewhere = [read(4 + i, 0.9, seconds=1 + i * 0.25, at=440) for i in range(4)]
    outcome = concluded([*there, *elsewhere], VIDEO)
    assert outcome.examination is not None
    assert [t.frames for t in outcome.examination.tracks] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_copies_of_a_still_count_once() -> None:
    normal = [read(i, 0.05) for i in range(10)]
    once, often = ([*normal, *(read(10 + i, 0.9, seed=500) for i in range(n))] for n in (1, 6))
    assert neoplasia(concluded(once)).probability == pytest.approx(neoplasia(concluded(often)).probability)


def test_one_clear_still_of_a_lesion_among_forty_seven_alarms() -> None:
    frames = [*(read(i, 0.05) for i in range(47)), read(47, 0.99)]
    assert neoplasia(concluded(frames)).present
    assert not neoplasia(concluded(frames[:-1])).present


def test_more_normal_frames_lower_the_probability_where_their_number_was_calibrated() -> None:
    pooled = {NEOPLASIA: Pooling(slope=1, offset=0, per_log_frames=-0.4)}
    few, many = ([read(i, 0.3) for i in range(n)] for n in (5, 50))
    assert neoplasia(concluded(few, stills=pooled)).probability > neoplasia(concluded(many, stills=pooled)).probability


def test_decision_of_the_examination_is_its_own_where_it_has_one() -> None:
    points = OperatingPoints(screening=0.5, balanced=0.8, specific=0.9)
    frames = [read(i, 0.6) for i in range(3)]
    assert neoplasia(concluded(frames)).present
    assert not neoplasia(concluded(frames, stills={NEOPLASIA: Pooling(operating_points=points)})).present


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([], (Status.FAILED, "no-frame-decoded")),
        ([unread(i, Status.FAILED) for i in range(3)], (Status.FAILED, "no-frame-decoded")),
        ([unread(i) for i in range(3)], (Status.NOT_ASSESSABLE, "no-frame-judged")),
        ([unread(0, Status.FAILED), unread(1)], (Status.NOT_ASSESSABLE, "no-frame-judged")),
        ([of("colon", i) for i in range(20)], (Status.UNSUPPORTED, "colonoscopy")),
        ([*(of("colon", i) for i in range(20)), read(20, 0.99)], (Status.UNSUPPORTED, "colonoscopy")),
        ([*(of("antrum", i) for i in range(20))], (Status.UNSUPPORTED, "other-organs")),
        ([*(of("antrum", i) for i in range(40)), read(40)], (Status.UNSUPPORTED, "other-organs")),
        ([*(of("antrum", i) for i in range(40)), read(40), read(41)], (Status.READ, None)),
        ([of("other", 0), of("other", 1)], (Status.UNSUPPORTED, "nothing-of-the-body")),
        ([of("colon", 0), *(of("other", i) for i in range(1, 4))], (Status.UNSUPPORTED, "nothing-of-the-body")),
        ([of("antrum", 0), *(of("other", i) for i in range(1, 4))], (Status.UNSUPPORTED, "nothing-of-the-body")),
        ([*(of("colon", i) for i in range(4)), of("other", 4)], (Status.UNSUPPORTED, "colonoscopy")),
        (
            [*(of("other", i) for i in range(40)), *(of("colon", 40 + i) for i in range(30)), read(70), read(71)],
            (Status.UNSUPPORTED, "colonoscopy"),
        ),
        ([of("antrum", 0), of("antrum", 1), of("other", 2)], (Status.UNSUPPORTED, "other-organs")),
        ([refused(0, "wrong-modality"), refused(1, "wrong-modality")], (Status.UNSUPPORTED, "wrong-modality")),
        ([refused(0, "wrong-modality"), of("other", 1)], (Status.UNSUPPORTED, "nothing-of-the-body")),
        ([refused(0, "no-adult"), *(read(i, 0.9) for i in range(1, 5))], (Status.UNSUPPORTED, "no-adult")),
        ([*(of("other", i) for i in range(30)), read(30)], (Status.READ, None)),
        ([read(0), unread(1)], (Status.READ, "part-not-judged")),
        ([*(read(i) for i in range(9)), unread(9)], (Status.READ, None)),
        ([read(0, stain="linked-colour"), read(1)], (Status.READ, None)),
        ([read(0, stain="linked-colour"), unread(1)], (Status.READ, "stain-outside-training")),
    ],
)
def test_status_follows_from_what_was_seen(judged: list[JudgedFrame], expected: tuple[Status, str | None]) -> None:
    outcome = concluded(judged)
    assert code(outcome) == expected
    assert outcome.examination is not None
    assert len(outcome.examination.frames) == len(judged)
    assert outcome.advice


def test_what_was_lost_before_judging_is_said_first() -> None:
    lost = Reason.of("video-cut-off", times="12.0 s")
    assert concluded([read(0), unread(1)], limited=lost).reason == lost
    assert concluded([], limited=lost).reason == lost


def test_site_is_said_also_where_nothing_is_read() -> None:
    (site,) = concluded([*(of("colon", i) for i in range(3)), of("antrum", 3)]).classifications
    assert (site.key, site.value) == ("site", "colon")


def test_every_listed_station_is_counted_seen_or_not() -> None:
    outcome = concluded([read(0), read(1, site="cardia-gej"), of("antrum", 2), of("colon", 3)])
    assert outcome.examination is not None
    counted = {s.site: s.frames for s in outcome.examination.stations}
    assert (counted["oesophagus"], counted["cardia-gej"], counted["antrum"], counted["fundus"]) == (1, 1, 1, 0)
    assert "colon" not in counted


def test_key_frames_are_distinct_pictured_and_at_most_eight() -> None:
    frames = [*(read(i, 0.1) for i in range(20)), read(20, 0.95, seed=900), read(21, 0.94, seed=900)]
    outcome = concluded(frames, pictured=set(range(5, 22)))
    assert outcome.examination is not None
    chosen = outcome.examination.key_frames
    assert len(chosen) == 8
    assert chosen[0] == 20
    assert 21 not in chosen
    assert set(chosen) <= set(range(5, 22))


def test_frames_near_in_time_are_one_key_frame() -> None:
    outcome = concluded(video([0.1] * 9), VIDEO)
    assert outcome.examination is not None
    kept = sorted(outcome.examination.key_frames)
    assert all(later - earlier >= 4 for earlier, later in pairwise(kept))


def test_regions_of_the_examination_name_their_frames_strongest_first() -> None:
    regions = neoplasia(concluded([read(0, 0.6), read(1, 0.9), read(2)])).regions
    assert [r.frame for r in regions] == [1, 0]


@pytest.mark.parametrize(
    ("present", "first"),
    [
        ((), "no-finding-inspect"),
        (("oesophageal-neoplasia",), "neoplasia-squamous"),
        (("oesophageal-neoplasia", "barretts-oesophagus"), "neoplasia-squamous"),
        (("barretts-oesophagus",), "barretts-surveillance"),
        (("oesophagitis",), "oesophagitis-heal-first"),
    ],
)
def test_advice_follows_the_findings(present: tuple[str, ...], first: str) -> None:
    entry = rules().entry
    findings = [entry.finding(n).found(0.9 if n in present else 0.1, above=n in present) for n in FINDINGS]
    assert advice.codes(findings)[0] == first


def test_dense_samples_of_a_short_flicker_do_not_alarm() -> None:
    outcome = concluded(video([0.02] * 30 + [0.99] * 6 + [0.02] * 30, 0.04), VIDEO)
    assert not neoplasia(outcome).present
    assert outcome.examination is not None
    assert outcome.examination.tracks == ()


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=10), st.sampled_from([STILLS, VIDEO]))
@settings(max_examples=25, deadline=None)
def test_examination_of_barretts_alone_never_alarms_and_is_never_an_all_clear(
    values: list[float], kind: ExaminationKind
) -> None:
    outcome = concluded([read(i, p, seconds=i * 0.25, barretts=True) for i, p in enumerate(values)], kind)
    found = neoplasia(outcome)
    assert (outcome.status, found.present, found.claim) == (Status.READ, False, Claim.NOT_JUDGED)
    assert code(outcome) == (Status.READ, "neoplasia-not-judged")
    assert outcome.advice[0] == "neoplasia-not-judged"
    assert outcome.examination is not None
    assert all(track.finding != NEOPLASIA for track in outcome.examination.tracks)


@given(probabilities, st.lists(st.floats(0.001, 0.999), max_size=6), st.sampled_from([STILLS, VIDEO]))
@settings(max_examples=25, deadline=None)
def test_frames_with_barretts_change_nothing_of_what_the_others_say(
    values: list[float], within: list[float], kind: ExaminationKind
) -> None:
    own = [read(i, p, seconds=i * 0.25) for i, p in enumerate(values)]
    more = [read(50 + i, p, seconds=60 + i * 0.25, barretts=True) for i, p in enumerate(within)]
    alone, together = concluded(own, kind), concluded([*own, *more], kind)
    assert neoplasia(alone) == neoplasia(together)
    if within:
        assert code(together) == (Status.READ, "neoplasia-not-judged-in-some")
        assert together.reason is not None
        assert dict(together.reason.values) == {"frames": str(len(within)), "judged": str(len(values) + len(within))}
        assert "neoplasia-not-judged" in together.advice


def test_marked_barretts_is_no_alarm_of_the_examination() -> None:
    outcome = concluded([read(i, 0.1, barretts=True) for i in range(4)])
    barretts = next(f for f in outcome.findings if f.name == BARRETT)
    assert (barretts.claim, barretts.present, barretts.marked) == (Claim.MARK, False, True)


def test_most_suspicious_barretts_frames_are_shown_beside_alarms_that_would_fill_all_places() -> None:
    alarms = [read(i, 0.9 + i / 1000) for i in range(20)]
    barretts = [read(30 + i, p, barretts=True) for i, p in enumerate((0.2, 0.95, 0.1))]
    outcome = concluded([*alarms, *barretts])
    assert outcome.examination is not None
    chosen = outcome.examination.key_frames
    assert len(chosen) == 8
    assert chosen[0] < 20
    assert 31 in chosen


def test_suspicious_frame_taken_for_the_colon_is_among_the_key_frames_of_a_gastroscopy() -> None:
    outcome = concluded([*(read(i) for i in range(12)), *(of("antrum", 20 + i) for i in range(9)), suspicious(40)])
    assert outcome.status is Status.READ
    assert outcome.advice[0] == "look-at-unjudged"
    assert outcome.examination is not None
    assert 40 in outcome.examination.key_frames
    shown = next(f for f in outcome.examination.frames if f.index == 40)
    assert (shown.status, shown.findings) == (Status.UNSUPPORTED, ())


def test_result_says_first_that_refused_frames_look_suspicious() -> None:
    outcome = concluded([*(read(i, barretts=True) for i in range(4)), suspicious(40), suspicious(41)])
    assert outcome.reason == Reason.of("suspicious-in-some", frames=2)


@pytest.mark.parametrize(
    ("alarms", "colon", "status"), [(17, 30, Status.READ), (1, 3, Status.READ), (1, 20, Status.UNSUPPORTED)]
)
def test_frames_of_the_colon_hush_alarms_only_where_these_are_rare(alarms: int, colon: int, status: Status) -> None:
    frames = [*(read(i, 0.95, seed=i) for i in range(alarms)), *(of("colon", 50 + i) for i in range(colon))]
    outcome = concluded(frames)
    assert outcome.status is status
    assert [f.present for f in outcome.findings if f.name == NEOPLASIA] == [True] * (status is Status.READ)


def test_suspicious_frames_are_shown_also_where_hardly_a_frame_shows_the_oesophagus() -> None:
    outcome = concluded([*(of("antrum", i) for i in range(40)), suspicious(40, "fundus")])
    assert code(outcome) == (Status.UNSUPPORTED, "other-organs")
    assert outcome.advice[0] == "look-at-unjudged"
    assert outcome.examination is not None
    assert outcome.examination.key_frames == (40,)


def test_colonoscopy_is_refused_as_a_whole_and_none_of_its_frames_is_to_be_looked_at() -> None:
    outcome = concluded([*(of("colon", i) for i in range(20)), *(suspicious(20 + i) for i in range(5))])
    assert code(outcome) == (Status.UNSUPPORTED, "colonoscopy")
    assert outcome.advice == ("not-this-reader",)
    assert outcome.examination is not None
    assert outcome.examination.key_frames == ()
    reasons = {f.reason.code for f in outcome.examination.frames if f.reason is not None}
    assert "suspicious-elsewhere" not in reasons


@given(st.lists(st.floats(0.001, 0.499), min_size=1, max_size=8), st.sampled_from([STILLS, VIDEO]))
@settings(max_examples=25, deadline=None)
def test_examination_does_not_alarm_where_no_frame_of_it_does(values: list[float], kind: ExaminationKind) -> None:
    eager = {NEOPLASIA: Pooling(slope=1, offset=9, operating_points=None)}
    outcome = concluded([read(i, p, seconds=i * 0.25) for i, p in enumerate(values)], kind, stills=eager, video=eager)
    found = neoplasia(outcome)
    assert found.probability == pytest.approx(max(values))
    assert (found.present, found.claim) == (False, Claim.ALARM)
