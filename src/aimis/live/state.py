"""What the page says beside the picture, in words of one language, as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aimis.domain.reading import Reason, Status
from aimis.live.capture import Link
from aimis.live.session import Live, Phase

if TYPE_CHECKING:
    from aimis.domain.examination import FrameRecord
    from aimis.domain.reading import Finding
    from aimis.live.judging import Judgement
    from aimis.live.kept import Kept
    from aimis.reports.texts import Texts

SAID_FOR_S = 2.0
"""A judgement so old is no longer shown as that of the picture."""
_MINUTE = 60
_SAID = {
    "borne-out": "live-borne-out",
    "present": "live-flicker",
    "not-judged": "live-finding-not-judged",
    "mark": "live-mark",
    "absent": "live-absent",
}
"""What is said of a finding, by how it is shown."""


def state(live: Live, words: Texts) -> dict[str, Any]:
    """Everything that changes."""
    pace = live.showing.pace()
    return {
        "phase": live.phase,
        "link": "over" if live.is_over() else live.capture.link,
        "link_text": _link(live, words),
        "delay_ms": None if pace.delay_ms is None else round(pace.delay_ms),
        "shown_per_s": round(pace.a_second, 1),
        "judged_per_s": round(live.judging.a_second(), 1),
        "dropped": pace.dropped,
        "came": live.capture.came,
        "judged": live.judging.count,
        "judgement": _of_picture(live, words),
        "alarms": live.judging.support.alarms.get(live.chimes_for, 0),
        "kept": [_kept(kept, words) for kept in tuple(live.keeping.frames)],
    }


def clock_of(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // _MINUTE}:{int(seconds) % _MINUTE:02}"


def _link(live: Live, words: Texts) -> str:
    """How it stands with the stream, and why."""
    if live.phase is Phase.WRITING:
        return words.label("live-writing")
    if live.phase is Phase.DONE:
        where = str(live.report or live.keeping.folder)
        return words.label("live-done", folder=where) if live.keeping.frames else words.label("live-done-empty")
    capture = live.capture
    if capture.link is Link.LIVE and capture.reason is None:
        return words.label("live-running")
    said = words.reason(capture.reason or Reason.of("live-broke-off"))
    return said if capture.link is Link.LIVE else words.label("live-reconnecting", why=said)


def _of_picture(live: Live, words: Texts) -> dict[str, Any] | None:
    """What was judged last, and whether it is of what the picture shows; None where it is too old to be."""
    latest = live.judging.latest
    if latest is None or live.judging.clock() - latest.due_s > SAID_FOR_S or live.capture.link is not Link.LIVE:
        return None
    return {**said_of(latest, words), "of_picture": live.showing.is_of_picture(latest, SAID_FOR_S)}


def said_of(judgement: Judgement, words: Texts) -> dict[str, Any]:
    """A judgement in words, with the number of the frame that it is of."""
    record = judgement.record
    return {
        "frame": record.index,
        "status": record.status,
        "read": record.status is Status.READ,
        "reason": None if record.reason is None else words.reason(record.reason),
        "site": _site(record, words),
        "stain": None if record.stain is None else words.stain(record.stain),
        "findings": list(_findings(judgement, words)),
    }


def _site(record: FrameRecord, words: Texts) -> str | None:
    return None if record.site is None else words.site(record.site)


def _findings(judgement: Judgement, words: Texts) -> Iterator[Mapping[str, Any]]:
    for finding in judgement.record.findings:
        level = _level(finding, judgement)
        yield {
            "title": words.finding(finding.name).title,
            "probability": f"{finding.probability:.2f}",
            "level": level,
            "text": words.label(_SAID[level]),
        }


def _level(finding: Finding, judgement: Judgement) -> str:
    """How it is shown: borne-out and present are alarms, the others are not."""
    if finding.not_judged:
        return "not-judged"
    if finding.marked:
        return "mark"
    if finding.name in judgement.borne_out:
        return "borne-out"
    return "present" if finding.present else "absent"


def _kept(kept: Kept, words: Texts) -> dict[str, str]:
    record, at = kept.record, clock_of(kept.seconds)
    if record.status is not Status.READ:
        said = [] if record.reason is None else [words.reason(record.reason)]
    else:
        told = [_told(f, words) for f in record.findings if f.pointed_out or f.not_judged]
        said = [s for s in (_site(record, words), *(told or [words.label("live-nothing")])) if s]
    return {"name": kept.name, "at": at, "text": " · ".join(said)}


def _told(finding: Finding, words: Texts) -> str:
    """A finding of a kept frame; of what is no alarm, what it is."""
    title = words.finding(finding.name).title
    if finding.present:
        return title
    return words.label("named", name=title, words=words.label(_SAID["mark" if finding.marked else "not-judged"]))
