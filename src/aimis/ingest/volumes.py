"""CT volumes among the files: DICOM instances of one study, its series in one folder or several, and NIfTI files."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from aimis.domain import identity
from aimis.domain.errors import BrokenInputError, CaseError
from aimis.domain.identity import Identity
from aimis.domain.reading import Reason
from aimis.imaging import formats
from aimis.imaging.formats import Format
from aimis.inference import processor
from aimis.ingest import files, kinds
from aimis.ingest.stills import natural_key

if TYPE_CHECKING:
    from aimis.imaging.ct import Slice
    from aimis.imaging.ct_choice import Choice
    from aimis.imaging.ct_instance import Instance
    from aimis.imaging.dicom_codecs import ByGdcm
    from aimis.imaging.limits import Limits
    from aimis.imaging.volume import Stoppable, Volume
    from aimis.ingest.item import Item

    _Parts = list[tuple[Instance, Item]]

MOST_BYTES = 2**30
"""Of a file that holds a whole scan."""
_BEGINNINGS = (2**14, 2**18, 2**22)
"""Bytes within which headers end: of most slices, of nearly all, of most objects of many frames; else all is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeItem:
    """A study's instances, of which one series is read, or a NIfTI file.

    path : the innermost folder that holds all the instances, or the file
    load : chooses the series, reads and decodes it on all cores; raises `CaseError`
    sha256 : of a file its SHA-256, of several the SHA-256 over their hex SHA-256, of the chosen series' files in the
        order of their names; free after `load`, else the files are read for it
    identity : whose it is, by the headers alone; raises `UnsupportedInputError` "two-patients" or "two-studies" where
        they say so, as `load` does
    """

    path: str
    load: Stoppable[Volume]
    sha256: Stoppable[str]
    identity: Callable[[], Identity]


@dataclass(kw_only=True)
class Volumes:
    """Collects what belongs to volumes, whichever path named it."""

    limits: Limits
    _studies: dict[tuple[str, str], dict[str, _Parts]] = field(default_factory=dict)
    """By the named path, or the folder where a file was named, and the study; in it by the folder of the instances."""
    _studies_of: dict[tuple[str, str], dict[str, Identity]] = field(default_factory=dict)
    """What each study says of its patient, by the folder and the series that it has an instance in."""

    def take(self, item: Item, path: str) -> tuple[VolumeItem, ...] | None:
        """None of what belongs to no volume, nothing yet of a slice, which is kept, and a volume that is a file.

        path : what was named and holds the item
        """
        beginning = item.beginning(_BEGINNINGS[0])
        if formats.looks_like_nifti(beginning) or kinds.is_nifti_name(item.path):
            file = _Nifti(item, self.limits)
            return (VolumeItem(path=item.path, load=file.load, sha256=file.sha256, identity=Identity),)
        instance = self._instance(item, beginning)
        if instance is None or not instance.is_volumetric:
            return None
        place = item.path.rpartition("/")[0] or "."
        named = place if path == item.path or not instance.study_instance_uid else path
        study = self._studies.setdefault((named, instance.study_instance_uid), {})
        study.setdefault(place, []).append((instance, item))
        if instance.series_instance_uid:
            studies = self._studies_of.setdefault((place, instance.series_instance_uid), {})
            studies.setdefault(instance.study_instance_uid, instance.identity)
        return ()

    def items(self) -> Iterator[VolumeItem]:
        """One for each study under each named path, its folders together but those that hold copies of others'."""
        for folders in self._studies.values():
            for places in _without_copies(folders):
                parts = [part for place in places for part in folders[place]]
                parts.sort(key=lambda part: natural_key(part[1].path))
                study = _Study(
                    [instance for instance, _ in parts],
                    [item for _, item in parts],
                    self.limits,
                    same_series=list(self._of_the_same_series(places, folders)),
                )
                path = posixpath.commonpath(places) or "."
                yield VolumeItem(path=path, load=study.load, sha256=study.sha256, identity=study.identity)

    def _of_the_same_series(self, places: Sequence[str], folders: Mapping[str, _Parts]) -> Iterator[Identity]:
        """What each study says of its patient that shares a series and its folder with these instances."""
        series = {(place, instance.series_instance_uid) for place in places for instance, _ in folders[place]}
        for each in series & self._studies_of.keys():
            yield from self._studies_of[each].values()

    def _instance(self, item: Item, beginning: bytes) -> Instance | None:
        """The header of a DICOM file; None for other files and for what cannot be read."""
        try:
            if not beginning or formats.recognise(beginning) is not Format.DICOM:
                return None
            return self._read(item, beginning)
        except CaseError:
            return None

    def _read(self, item: Item, beginning: bytes) -> Instance:
        from aimis.imaging import ct_instance, dicom_walk  # noqa: PLC0415  # pydicom takes a third of a second to import

        if not dicom_walk.is_deflated(beginning):
            for size in _BEGINNINGS:
                content = beginning if size == len(beginning) else item.beginning(size)
                walked = dicom_walk.walk(content, self.limits)
                if walked.pixels_at is not None or len(content) < size:
                    return ct_instance.read_instance(walked)
        return ct_instance.read_instance(dicom_walk.walk(_load(item, self.limits), self.limits))


def _without_copies(folders: Mapping[str, _Parts]) -> list[list[str]]:
    """Folders in groups in which no instance is found twice."""
    groups: list[tuple[list[str], set[str]]] = []
    for place, parts in folders.items():
        own = {instance.sop_instance_uid for instance, _ in parts}
        found = next(((places, known) for places, known in groups if not known & own), None)
        if found is None:
            groups.append(([place], own))
        else:
            found[0].append(place)
            found[1].update(own)
    return [places for places, _ in groups]


class _Study:
    """Instances of one study and their files.

    same_series : identities of the studies that share a series with it, its own among them
    """

    def __init__(
        self, instances: Sequence[Instance], items: Sequence[Item], limits: Limits, same_series: Sequence[Identity]
    ) -> None:
        self._instances = instances
        self._same_series = same_series
        self._items = items
        self._limits = limits
        self._digests: dict[int, str] = {}

    def load(self, stop_if_asked: Callable[[], None] = lambda: None, /) -> Volume:
        """The volume of the series that is chosen; each file is read once, and hashed by the thread that reads it."""
        from aimis.imaging import ct, gdcm_process  # noqa: PLC0415  # see above

        choice = self._choice()
        with gdcm_process.GdcmProcesses() as gdcm:
            if self._instances[choice.at[0]].frames > 1:
                slices, choice = self._frames(choice)
            else:
                slices = [self._slice(at, gdcm.decode) for at in choice.at]
            threads = processor.threads_to_use()
            volume = ct.load_series(slices, threads=threads, lost=choice.lost, stop_if_asked=stop_if_asked)
        series = replace(volume.series, choice=choice.code, others=choice.others)
        return replace(volume, series=series, limited=(*self._nameless(choice), *volume.limited))

    def sha256(self, stop_if_asked: Callable[[], None] = lambda: None, /) -> str:
        """See `VolumeItem`; of all files where no series can be chosen."""
        try:
            wanted: Sequence[int] = sorted(self._choice().at)
        except CaseError:
            wanted = range(len(self._items))
        return _digest_of([self._digest(at, stop_if_asked) for at in wanted])

    def identity(self) -> Identity:
        """See `VolumeItem`. A series is of one study (PS3.3 A.1.2), so its slices are not read as two halves."""
        own = identity.of_one_patient(each.identity for each in self._instances)
        for other in self._same_series:
            if identity.difference(own, other) is None:
                identity.check_study(own, other)
        return own

    def _nameless(self, choice: Choice) -> Iterator[Reason]:
        """What is to be said where some slices alone say whose they are."""
        nameless = sum(self._instances[at].identity.patient_id is None for at in choice.at)
        if 0 < nameless < len(choice.at):
            yield Reason.of("patient-not-everywhere", count=nameless, slices=len(choice.at))

    def _slice(self, at: int, by_gdcm: ByGdcm) -> Slice:
        from aimis.imaging import ct  # noqa: PLC0415  # see above

        return ct.slice_of(self._instances[at], partial(self._bytes, at), self._limits, by_gdcm)

    def _frames(self, choice: Choice) -> tuple[list[Slice], Choice]:
        """Of a multi-frame object the frames that belong together, and what the other frames are."""
        from aimis.imaging import ct_choice, ct_enhanced  # noqa: PLC0415  # see above

        at = choice.at[0]
        frames = ct_enhanced.slices_of(self._instances[at], self._bytes(at), self._limits)
        inner = ct_choice.choose([frame.instance for frame in frames])
        return [frames[at] for at in inner.at], replace(choice, others=(*choice.others, *inner.others))

    def _choice(self) -> Choice:
        from aimis.imaging import ct_choice  # noqa: PLC0415  # see above

        self.identity()
        return ct_choice.choose(self._instances)

    def _bytes(self, at: int) -> bytes:
        content = _load(self._items[at], self._limits)
        self._digests[at] = hashlib.sha256(content).hexdigest()
        return content

    def _digest(self, at: int, stop_if_asked: Callable[[], None]) -> str | None:
        """None for a file that cannot be read."""
        if at not in self._digests:
            stop_if_asked()
            try:
                self._bytes(at)
            except CaseError:
                return None
        return self._digests[at]


class _Nifti:
    """One NIfTI file."""

    def __init__(self, item: Item, limits: Limits) -> None:
        self._item = item
        self._limits = limits
        self._digest: str | None = None

    def load(self, stop_if_asked: Callable[[], None] = lambda: None, /) -> Volume:
        """The volume; nothing is known of patient and date."""
        from aimis.imaging import nifti  # noqa: PLC0415  # nibabel takes a while to import

        content = self._bytes()
        stop_if_asked()
        return nifti.load_nifti(content)

    def sha256(self, _stop_if_asked: Callable[[], None] = lambda: None, /) -> str:
        """Of the file."""
        if self._digest is None:
            self._bytes()
        return self._digest or ""

    def _bytes(self) -> bytes:
        content = _load(self._item, self._limits)
        self._digest = hashlib.sha256(content).hexdigest()
        return content


def _load(item: Item, limits: Limits) -> bytes:
    """A file by itself may be larger than a picture's: one can hold a whole scan."""
    if item.file is None:
        return item.load()
    return files.read_file(item.file, replace(limits, max_bytes=max(limits.max_bytes, MOST_BYTES)))


def _digest_of(digests: Sequence[str | None]) -> str:
    known = [digest for digest in digests if digest is not None]
    if not known:
        raise BrokenInputError("unreadable", why="none of its files can be read")
    return known[0] if len(digests) == 1 else hashlib.sha256("".join(known).encode()).hexdigest()
