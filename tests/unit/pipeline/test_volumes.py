"""Reading volumes: every reader answers, nothing is compared wrongly, and every limit is said."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from aimis.domain.errors import BrokenInputError, EngineError, UnsupportedInputError
from aimis.domain.identity import NOBODY, Identity
from aimis.domain.reading import Outcome, Reading, Reason, Status
from aimis.domain.scan import Change, Scan
from aimis.imaging.volume import Volume
from aimis.pipeline import read, volumes
from aimis.pipeline.tools import ExaminationItem, Item, ItemResult, OpenReader, Prior, StoppedError, Tools, VolumeItem
from aimis.reports.views import Views
from tests.fakes.examinations import FakeExamination
from tests.fakes.items import item
from tests.fakes.redness import RednessReader, identity
from tests.fakes.spotter import Spotter
from tests.fakes.volumes import BALL, PATIENT, Ball, FakeVolume, volume
from tests.unit.pipeline.test_examine import opened_reader as opened_examiner
from tests.unit.pipeline.test_read import Log
from tests.unit.pipeline.test_read import tools as tools_with

LARGER: Ball = (20.0, 30.0, 24.0, 11.0)


def opened_reader(reader: object = Spotter(), *ids: str) -> OpenReader:
    identities = {name: identity(name) for name in ids or ("spotter",)}
    return OpenReader(reader=reader, identities=identities, takes_stills=False, takes_volumes=True)  # type: ignore[arg-type]


def tools(*readers: OpenReader, log: Log | None = None, **changes: Any) -> Tools:
    return tools_with(*(readers or (opened_reader(),)), log=log, **changes)


def result_of(found: VolumeItem, with_tools: Tools | None = None) -> ItemResult:
    (result,) = read.read_all([found], with_tools or tools(), jobs=2)
    return result


def reading_of(found: VolumeItem, with_tools: Tools | None = None) -> Reading:
    (reading,) = result_of(found, with_tools).readings
    return reading


def scan_of(reading: Reading) -> Scan:
    assert reading.outcome.scan is not None
    return reading.outcome.scan


def made(make: Callable[[], Volume], digest: str = "cd" * 32) -> FakeVolume:
    return FakeVolume(make=make, digest=digest)


def prior(*balls: Ball, **changes: Any) -> Prior:
    changes = {"date": "2025-03-01"} | changes
    whose = changes.pop("whose", PATIENT)
    return Prior(item=replace(made(lambda: volume(balls or (BALL,), **changes)), whose=whose))


def refusing(error: Exception) -> FakeVolume:
    def load() -> Volume:
        raise error

    return FakeVolume(make=load)


def test_reading_states_source_identity_and_time() -> None:
    reading = reading_of(FakeVolume())
    source = reading.source
    assert (source.path, source.sha256, source.size_px, source.prior_sha256) == ("scan", "ab" * 32, (40, 40), None)
    assert (source.patient_id, source.study_instance_uid, source.series_instance_uid) == ("P-17", "1.2", "1.2.3")
    assert (reading.identity, reading.seconds, reading.outcome.status) == (identity("spotter"), 1.0, Status.READ)


def test_each_sort_of_input_goes_to_the_readers_that_take_it() -> None:
    readers = (tools_with().readers[0], opened_examiner(), opened_reader())
    found = [item("a.jpg"), FakeVolume(), FakeExamination(), item("b.jpg")]
    results = list(read.read_all(found, replace(tools(), readers=readers), jobs=2))  # type: ignore[arg-type]
    said = [[reading.identity.reader for reading in result.readings] for result in results]
    assert said == [["redness", "examiner"], ["spotter"], ["examiner"], ["redness", "examiner"]]


@pytest.mark.parametrize(
    ("found", "reader", "code"),
    [
        (FakeVolume(), OpenReader(reader=RednessReader(), identities={"r": identity("r")}), "takes-no-volumes"),
        (item("a.jpg"), opened_reader(), "takes-no-pictures"),
    ],
)
def test_input_that_no_reader_takes_is_unsupported(
    found: Item | ExaminationItem | VolumeItem, reader: OpenReader, code: str
) -> None:
    (result,) = read.read_all([found], tools(reader), jobs=1)
    (reading,) = result.readings
    assert (reading.outcome.status, reading.outcome.reason) == (Status.UNSUPPORTED, Reason.of(code))


def test_volume_that_cannot_be_loaded_says_why_and_the_next_is_read() -> None:
    broken = refusing(UnsupportedInputError("too-few-slices", slices=20))
    results = list(read.read_all([broken, FakeVolume()], tools(), jobs=1))
    assert [result.readings[0].outcome.status for result in results] == [Status.UNSUPPORTED, Status.READ]
    assert results[0].readings[0].outcome.reason == Reason.of("too-few-slices", slices=20)
    assert results[0].readings[0].source.sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("error", "code"),
    [(ValueError("x"), "internal-error"), (EngineError("x"), "reader-failed"), (BrokenInputError("b"), "b")],
)
def test_reader_that_fails_is_a_failed_reading_with_its_series(error: Exception, code: str) -> None:
    class Failing:
        def read_volume(self, *_volumes: object) -> dict[str, Outcome]:
            raise error

    log = Log([])
    reading = reading_of(FakeVolume(), tools(opened_reader(Failing()), log=log))
    assert (reading.outcome.status, reading.outcome.reason) == (Status.FAILED, Reason.of(code))
    assert scan_of(reading).series.series_instance_uid == "1.2.3"
    assert [name for name, _, _ in log.lines] == ([] if code == "b" else [type(error).__name__])


def test_reader_that_forgets_an_id_has_failed_for_it() -> None:
    result = result_of(FakeVolume(), tools(opened_reader(Spotter(), "spotter", "other")))
    assert [reading.outcome.status for reading in result.readings] == [Status.READ, Status.FAILED]


def test_everything_that_limits_a_scan_is_said_once_the_readers_own_first() -> None:
    class Limiting(Spotter):
        def read_volume(self, volume: Volume, prior: Volume | None = None) -> dict[str, Outcome]:
            said = super().read_volume(volume, prior)["spotter"]
            return {"spotter": replace(said, reason=Reason.of("apex-cut-off"))}

    gap, thick = Reason.of("gap", count=1), Reason.of("thick-slices")
    limited = made(lambda: volume(limited=(gap, thick)))
    assert scan_of(reading_of(limited)).limited == (gap, thick)
    reading = reading_of(limited, tools(opened_reader(Limiting())))
    assert scan_of(reading).limited == (Reason.of("apex-cut-off"), gap, thick)
    assert reading.outcome.reason == Reason.of("apex-cut-off")


def test_earlier_scan_is_loaded_once_for_all_and_compared_with() -> None:
    earlier = prior(BALL, (40.0, 20.0, 30.0, 8.0))
    items = [made(lambda: volume((LARGER,)), digest) for digest in ("01" * 32, "02" * 32)]
    results = list(read.read_all(items, tools(prior=earlier), jobs=1))
    for result in results:
        scan = scan_of(result.readings[0])
        assert scan.nodules[0].growth is not None
        assert scan.nodules[0].growth.change is Change.GROWING
        assert scan.prior is not None
        assert scan.prior.date == "2025-03-01"
        assert (len(scan.gone), scan.limited) == (1, ())
        assert result.readings[0].source.prior_sha256 == "cd" * 32
    assert isinstance(earlier.item, FakeVolume)
    assert earlier.item.loaded == 1


@pytest.mark.parametrize(
    ("whose", "values"),
    [
        (Identity(patient_id="P-18"), {"by": "patient-id", "new": "P-17", "prior": "P-18"}),
        (
            Identity(patient_id="P-17", birth_date="1961"),
            {"by": "birth-date", "new": "P-17 (19500101)", "prior": "P-17 (1961)"},
        ),
    ],
)
def test_scan_is_not_compared_with_another_patients_which_is_named(whose: Identity, values: dict[str, str]) -> None:
    new = FakeVolume(whose=replace(PATIENT, birth_date="19500101"))
    earlier = prior(whose=whose)
    reading = reading_of(new, tools(prior=earlier))
    assert reading.outcome.status is Status.READ
    assert reading.outcome.reason == Reason.of("prior-of-another-patient", **values)
    assert scan_of(reading).prior is None
    assert all(nodule.growth is None for nodule in scan_of(reading).nodules)
    assert isinstance(earlier.item, FakeVolume)
    assert earlier.item.loaded == 0


def test_both_patients_are_named_masked_where_the_site_says_so() -> None:
    reading = reading_of(FakeVolume(), tools(prior=prior(whose=Identity(patient_id="1234567")), masks_patients=True))
    reason = Reason.of("prior-of-another-patient", by="patient-id", new="***", prior="1***7")
    assert reading.outcome.reason == reason


def test_scan_is_compared_where_one_patient_is_not_known_and_says_so() -> None:
    reading = reading_of(FakeVolume(), tools(prior=prior(whose=NOBODY)))
    assert scan_of(reading).prior is not None
    assert reading.outcome.reason == Reason.of("prior-patient-unknown")
    assert reading_of(FakeVolume(), tools(prior=prior())).outcome.reason is None


def of_two_patients() -> Identity:
    raise UnsupportedInputError("two-patients", by="patient-id", first="1234567", second="PB")


@dataclass(kw_only=True)
class Mixed(FakeVolume):
    """A volume whose headers are of two people."""

    def identity(self) -> Identity:
        """Refused."""
        return of_two_patients()


def test_volume_of_two_patients_is_refused_before_it_is_loaded_or_recalled() -> None:
    merged = reading_of(FakeVolume())
    mixed = Mixed()
    for masks, named in ((False, ("1234567", "PB")), (True, ("1***7", "***"))):
        reading = reading_of(mixed, tools(recall=lambda *_asked: ((merged,),), masks_patients=masks))
        reason = Reason.of("two-patients", by="patient-id", first=named[0], second=named[1])
        assert (reading.outcome.status, reading.outcome.reason) == (Status.UNSUPPORTED, reason)
        assert (reading.source.sha256, reading.source.patient_id) == ("ab" * 32, None)
    assert mixed.loaded == 0


def test_earlier_ct_of_two_patients_is_not_compared_with() -> None:
    reading = reading_of(FakeVolume(), tools(prior=Prior(item=Mixed(make=of_two_patients))))  # type: ignore[arg-type]
    assert [reason.code for reason in scan_of(reading).limited] == ["prior-not-read", "two-patients"]


def test_what_was_compared_with_another_patients_is_not_recalled() -> None:
    compared = reading_of(FakeVolume(), tools(prior=prior()))
    earlier = prior(whose=Identity(patient_id="P-18"))
    again = result_of(FakeVolume(), tools(prior=earlier, recall=lambda *_asked: ((compared,),)))
    assert not again.recalled
    assert scan_of(again.readings[0]).prior is None
    once_more = result_of(FakeVolume(), tools(prior=earlier, recall=lambda *_asked: (again.readings,)))
    assert once_more.recalled


@pytest.mark.parametrize(
    ("earlier", "reasons"),
    [
        (prior(date="2027-01-01"), [Reason.of("prior-is-newer", new="2026-03-01", prior="2027-01-01")]),
        (Prior(item=FakeVolume()), [Reason.of("prior-is-the-same")]),
        (
            Prior(item=refusing(UnsupportedInputError("no-ct", modality="MR"))),
            [Reason.of("prior-not-read"), Reason.of("no-ct", modality="MR")],
        ),
    ],
)
def test_scan_that_cannot_be_compared_is_read_by_itself_and_says_so(earlier: Prior, reasons: list[Reason]) -> None:
    gap = Reason.of("gap")
    reading = reading_of(FakeVolume(make=lambda: volume(limited=(gap,))), tools(prior=earlier))
    assert reading.outcome.status is Status.READ
    assert scan_of(reading).limited == (*reasons, gap)
    assert scan_of(reading).prior is None
    assert all(nodule.growth is None for nodule in scan_of(reading).nodules)


def test_scans_of_one_day_are_compared() -> None:
    assert scan_of(reading_of(FakeVolume(), tools(prior=prior(date="2026-03-01")))).prior is not None


def test_run_that_is_to_stop_gives_nothing_of_the_scan_at_hand() -> None:
    for after in range(4):
        asked = count(-after)
        with pytest.raises(StoppedError):
            result_of(FakeVolume(), tools(is_stopped=lambda asked=asked: next(asked) >= 0))


def test_run_that_is_to_stop_does_not_load_the_scan_or_the_earlier_one() -> None:
    new, old = FakeVolume(), FakeVolume(digest="cd" * 32)
    for passed, loaded in ((0, (0, 0)), (2, (1, 0))):
        asked = count(-passed)
        with pytest.raises(StoppedError):
            result_of(new, tools(is_stopped=lambda asked=asked: next(asked) >= 0, prior=Prior(item=old)))
        assert (new.loaded, old.loaded) == loaded


def test_steps_are_told() -> None:
    told: list[str] = []
    result_of(FakeVolume(), tools(step=told.append, cut=cut))
    assert told == ["loading", "reading", "cutting"]


def cut(_volume: Volume, scan: Scan) -> Views:
    return Views(nodules={nodule.index: () for nodule in scan.nodules})


def test_views_are_cut_while_the_volume_is_at_hand_and_it_is_let_go() -> None:
    alive: list[weakref.ref[Volume]] = []

    def make() -> Volume:
        loaded = volume()
        alive.append(weakref.ref(loaded))
        return loaded

    result = result_of(made(make), tools(cut=cut))
    assert result.views is not None
    views = result.views(result.readings[0])
    assert views is not None
    assert set(views.nodules) == {0}
    assert alive[0]() is None


def test_views_that_cannot_be_cut_do_not_take_the_reading_with_them() -> None:
    def fail(_volume: Volume, _scan: Scan) -> Views:
        raise ValueError("x")

    log = Log([])
    result = result_of(FakeVolume(), tools(cut=fail, log=log))
    assert result.readings[0].outcome.status is Status.READ
    assert result.views is not None
    assert result.views(result.readings[0]) is None
    assert log.lines == [("ValueError", None, "spotter")]


@dataclass
class Recorded:
    """What an earlier run read of one file."""

    digest: str
    reading: Reading

    def __call__(self, _path: str, sha256: str, _identities: object) -> tuple[tuple[Reading, ...], ...] | None:
        return ((self.reading,),) if sha256 == self.digest else None


def test_scan_of_an_earlier_run_is_loaded_again_for_its_views_alone() -> None:
    found = FakeVolume()
    recorded = Recorded("ab" * 32, reading_of(FakeVolume()))
    result = result_of(found, tools(recall=recorded, cut=cut))
    assert (result.recalled, result.readings, found.loaded) == (True, (recorded.reading,), 0)
    assert result.views is not None
    assert result.views(recorded.reading) is not None
    assert found.loaded == 1


def test_scan_that_was_compared_with_another_one_is_read_anew() -> None:
    recorded = Recorded("ab" * 32, reading_of(FakeVolume()))
    result = result_of(FakeVolume(), tools(recall=recorded, prior=prior()))
    assert not result.recalled
    assert scan_of(result.readings[0]).prior is not None
    compared = Recorded("ab" * 32, result.readings[0])
    assert result_of(FakeVolume(), tools(recall=compared, prior=prior())).recalled
    assert not result_of(FakeVolume(), tools(recall=compared)).recalled


def test_views_of_files_that_have_changed_are_not_cut_again() -> None:
    reading = reading_of(FakeVolume())
    with pytest.raises(BrokenInputError):
        volumes.views_again(FakeVolume(digest="00" * 32), reading, cut)
