"""What stands beside a frame is of that very frame."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from aimis.domain.examination import FrameRecord
from aimis.domain.reading import Claim, Finding, Status
from aimis.live.judging import Judging

LESION = "oesophageal-neoplasia"


def record(index: int, probability: float) -> FrameRecord:
    lesion = Finding(name=LESION, probability=probability, present=probability >= 0.5, claim=Claim.ALARM)
    return FrameRecord(index=index, seconds=index * 0.1, status=Status.READ, findings=(lesion,))


def test_alarm_seen_again_and_again_is_not_said_of_a_frame_that_does_not_show_it() -> None:
    unused: Any = None
    judging = Judging(reader=unused, newest=unused, clock=lambda: 0.0, log_failure=unused)
    seen: Any = SimpleNamespace(due_s=0.0, still=SimpleNamespace(rgb=np.zeros((64, 64, 3), np.uint8)))
    for index in range(12):
        judging._take(record(index, 0.99), seen)
    assert judging.latest is not None
    assert judging.latest.borne_out == {LESION}
    judging._take(record(12, 0.07), seen)
    assert judging.latest.borne_out == frozenset()
