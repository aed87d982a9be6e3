"""The toy reader of examinations holds what the port promises, for others test against it."""

from __future__ import annotations

import pytest

from aimis.domain.errors import BrokenInputError
from aimis.domain.examination import ExaminationKind
from aimis.domain.reading import Reason, Status
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from tests.fakes.examiner import Examiner, mucosa

READER = Examiner()


def frame(index: int, **painted: bool) -> Frame:
    picture = Still(rgb=mucosa(at=index, **painted), full_size_px=(640, 480))
    return Frame(index=index, picture=picture, seconds=index / 4)


def probability(frames: list[Frame], kind: ExaminationKind) -> float:
    judged = [READER.judge(one) for one in frames]
    outcome = READER.conclude(judged, kind=kind, seconds=None, pictured=range(len(frames)))["examiner"]
    return outcome.findings[0].probability


@pytest.mark.parametrize(
    ("painted", "status"),
    [({}, "read"), ({"lesion": True}, "read"), ({"dark": True}, "not-assessable"), ({"colon": True}, "unsupported")],
)
def test_frame_is_judged_by_its_colour(painted: dict[str, bool], status: str) -> None:
    assert READER.judge(frame(0, **painted)).record.status == status


def test_frame_that_was_not_decoded_says_so() -> None:
    record = READER.judge(Frame(index=3, picture=BrokenInputError("truncated"), name="c.jpg")).record
    assert (record.index, record.status, record.reason) == (3, Status.FAILED, Reason.of("truncated"))


@pytest.mark.parametrize(("lesions", "found"), [((4,), False), ((4, 5), True)])
def test_flicker_of_a_video_does_not_alarm(lesions: tuple[int, ...], found: bool) -> None:
    frames = [frame(n, lesion=n in lesions) for n in range(9)]
    assert (probability(frames, ExaminationKind.VIDEO) >= 0.5) is found


def test_one_still_is_enough() -> None:
    assert probability([frame(0), frame(1, lesion=True)], ExaminationKind.STILLS) >= 0.5


def test_nothing_to_judge_is_no_normal() -> None:
    lost = Reason.of("truncated")
    outcome = READER.conclude([], kind=ExaminationKind.VIDEO, seconds=1.0, pictured=(), limited=lost)["examiner"]
    assert (outcome.status, outcome.reason) == (Status.FAILED, lost)
    assert outcome.examination is not None
