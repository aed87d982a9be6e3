"""Examinations as JSON: what `aimis read --json` prints of them beside the findings, and the lossless record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimis.domain.examination import Examination, ExaminationKind, FrameRecord, Station, Track
from aimis.domain.reading import Claim, Status
from aimis.reports.json_parts import finding_entry, finding_of, reason_entry, reason_of

if TYPE_CHECKING:
    from aimis.reports.texts import Texts

INTERFACE_KEYS = ("kind", "video_seconds", "frames", "key_frames", "stations", "tracks", "frame_records")


def to_interface(examination: Examination, texts: Texts) -> dict[str, Any]:
    """The keys that an examination adds to a reading's object."""
    return {
        "kind": str(examination.kind),
        "video_seconds": examination.seconds,
        "frames": _counts(examination),
        "key_frames": list(examination.key_frames),
        "stations": [_station_entry(station) for station in examination.stations],
        "tracks": [_track_entry(track) for track in examination.tracks],
        "frame_records": [_interface_frame(frame, texts) for frame in examination.frames],
    }


def to_record(examination: Examination) -> dict[str, Any]:
    """The whole examination as JSON types; `from_record` gives an equal one back."""
    return {
        "kind": examination.kind,
        "seconds": examination.seconds,
        "key_frames": examination.key_frames,
        "stations": [_station_entry(station) for station in examination.stations],
        "tracks": [_track_entry(track) for track in examination.tracks],
        "frames": [_frame_entry(frame) for frame in examination.frames],
    }


def from_record(entry: dict[str, Any]) -> Examination:
    """The examination of a record; KeyError, TypeError or ValueError where it is not whole."""
    return Examination(
        kind=ExaminationKind(entry["kind"]),
        frames=tuple(_frame_of(frame) for frame in entry["frames"]),
        key_frames=tuple(entry["key_frames"]),
        tracks=tuple(_track_of(track) for track in entry["tracks"]),
        stations=tuple(Station(**station) for station in entry["stations"]),
        seconds=entry["seconds"],
    )


def _counts(examination: Examination) -> dict[str, int]:
    """Of the frames looked at: judged, outside the reader's use, and all others."""
    said = [frame.status for frame in examination.frames]
    judged, unsupported = said.count(Status.READ), said.count(Status.UNSUPPORTED)
    return {"judged": judged, "not_judged": len(said) - judged - unsupported, "unsupported": unsupported}


def _interface_frame(frame: FrameRecord, texts: Texts) -> dict[str, Any]:
    """A still by its name, a frame of a video by its second; what a frame shows is in the findings' regions."""
    claims = {finding.name: str(finding.claim) for finding in frame.findings if finding.claim is not None}
    return {
        "frame": frame.index,
        **({"name": frame.name} if frame.seconds is None else {"seconds": round(frame.seconds, 3)}),
        "status": str(frame.status),
        "reason": None if frame.reason is None else texts.reason(frame.reason),
        "site": frame.site,
        "stain": frame.stain,
        "probabilities": {finding.name: float(finding.probability) for finding in frame.findings},
        **({"claims": claims} if claims else {}),
    }


def _station_entry(station: Station) -> dict[str, Any]:
    return {"site": station.site, "frames": station.frames}


def _track_entry(track: Track) -> dict[str, Any]:
    return {
        "finding": track.finding,
        "frames": list(track.frames),
        "key_frame": track.key_frame,
        "first_seconds": track.first_seconds,
        "last_seconds": track.last_seconds,
        "probability": track.probability,
        **({} if track.claim is None else {"claim": str(track.claim)}),
    }


def _track_of(entry: dict[str, Any]) -> Track:
    claim = entry.get("claim")
    typed = {"frames": tuple(entry["frames"]), "claim": None if claim is None else Claim(claim)}
    return Track(**(entry | typed))


def _frame_entry(frame: FrameRecord) -> dict[str, Any]:
    """Without what is not there: a video has thousands of frames."""
    whole = {
        "index": frame.index,
        "status": frame.status,
        "name": frame.name or None,
        "seconds": frame.seconds,
        "size_px": frame.size_px,
        "reason": reason_entry(frame.reason),
        "site": frame.site,
        "stain": frame.stain,
        "findings": [finding_entry(finding) for finding in frame.findings] or None,
    }
    return {name: value for name, value in whole.items() if value is not None}


def _frame_of(entry: dict[str, Any]) -> FrameRecord:
    size = entry.get("size_px")
    typed = {
        "status": Status(entry["status"]),
        "size_px": None if size is None else (size[0], size[1]),
        "reason": reason_of(entry.get("reason")),
        "findings": tuple(finding_of(finding) for finding in entry.get("findings", ())),
    }
    return FrameRecord(**(entry | typed))
