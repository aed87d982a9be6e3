"""Stills of a path, videos and endoscopic series become examinations; everything else stays a picture."""

from __future__ import annotations

import hashlib
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import uid

from aimis.domain.errors import CaseError
from aimis.domain.examination import ExaminationKind
from aimis.imaging.frame import Frame
from aimis.imaging.still import Still
from aimis.ingest.examination import ExaminationItem
from aimis.ingest.examinations import Examinations, count_inputs, find_inputs
from aimis.ingest.item import Item
from aimis.ingest.stills import natural_key
from aimis.ingest.volumes import VolumeItem
from tests.fakes import endoscopy
from tests.fakes.dicoms import dataset_of, file_of
from tests.fakes.pictures import encoded
from tests.fakes.videos import Kind, number_shown, numbered, video

FOUND, WHOLE = Examinations.FOUND, Examinations.WHOLE
FILM = video(Kind(container="avi", codec="mpeg4"), 30)


def picture(number: int) -> bytes:
    return encoded(numbered(number), "PNG")


def write(folder: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def inputs_of(*paths: Path, mode: Examinations) -> list[Item | ExaminationItem]:
    given_paths = [str(path) for path in paths]
    inputs = [i for i in find_inputs(given_paths, examinations=mode) if not isinstance(i, VolumeItem)]
    assert count_inputs(given_paths, examinations=mode) == len(inputs)
    return inputs


def only(*paths: Path, mode: Examinations) -> ExaminationItem:
    (found,) = inputs_of(*paths, mode=mode)
    assert isinstance(found, ExaminationItem)
    return found


def frames_of(examination: ExaminationItem) -> tuple[list[Frame], str | None]:
    with examination.open() as opened:
        frames = [work() for work in opened.frames()]
        return frames, None if opened.lost is None else opened.lost.code


def numbers(frames: Sequence[Frame]) -> list[int | str]:
    return [number_shown(f.picture.rgb) if isinstance(f.picture, Still) else f.picture.reason.code for f in frames]


def test_stills_of_a_path_are_one_examination_in_the_order_people_count(tmp_path: Path) -> None:
    write(tmp_path, image10_png=picture(10), image2_png=picture(2), Image1_png=picture(1), later__a_png=picture(11))

    examination = only(tmp_path, mode=WHOLE)
    frames, lost = frames_of(examination)

    assert (examination.path, examination.kind, lost) == (str(tmp_path), ExaminationKind.STILLS, None)
    assert numbers(frames) == [1, 2, 10, 11]
    assert [(frame.index, frame.name) for frame in frames] == [
        (0, "Image1.png"),
        (1, "image2.png"),
        (2, "image10.png"),
        (3, "later/a.png"),
    ]


def test_each_path_is_an_examination_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, one__a_png=picture(1), two__a_png=picture(2), two__b_png=picture(3))

    examinations = inputs_of(tmp_path / "one", tmp_path / "two", mode=WHOLE)

    assert [numbers(frames_of(e)[0]) for e in examinations if isinstance(e, ExaminationItem)] == [[1], [2, 3]]


def test_members_of_a_zip_pages_and_dicom_are_frames(tmp_path: Path) -> None:
    pages = encoded(numbered(1), "TIFF")
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        for name, content in {"1.tif": pages, "2.dcm": endoscopy.still(2), "3.jpg": picture(3)}.items():
            archive.writestr(name, content)

    frames, _ = frames_of(only(tmp_path / "e.zip", mode=WHOLE))

    assert numbers(frames) == [1, 2, 3]
    assert [frame.name for frame in frames] == ["1.tif", "2.dcm", "3.jpg"]


def test_file_that_is_no_picture_loses_itself_alone(tmp_path: Path) -> None:
    write(tmp_path, a1_png=picture(1), a2_png=b"\0\1not a picture", a3_png=b"", a4_png=picture(4), notes_txt=b"notes")

    frames, lost = frames_of(only(tmp_path, mode=WHOLE))

    assert numbers(frames) == [1, "not-a-known-format", "empty-file", 4]
    assert lost is None


def test_video_among_stills_is_its_own_and_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, a_png=picture(1), b_avi=FILM)

    film, stills = inputs_of(tmp_path, mode=WHOLE)

    assert isinstance(film, ExaminationItem)
    assert isinstance(stills, ExaminationItem)
    assert (film.path, film.kind) == (f"{tmp_path}/b.avi", ExaminationKind.VIDEO)
    assert frames_of(stills)[1] == "videos-read-apart"


@pytest.mark.parametrize("mode", [FOUND, WHOLE])
def test_video_is_an_examination(tmp_path: Path, mode: Examinations) -> None:
    write(tmp_path, film_bin=FILM)

    examination = only(tmp_path / "film.bin", mode=mode)
    frames, lost = frames_of(examination)

    assert (examination.path, examination.kind, lost) == (f"{tmp_path}/film.bin", ExaminationKind.VIDEO, None)
    assert numbers(frames) == [frame.index for frame in frames]
    with examination.open() as opened:
        assert opened.seconds == pytest.approx(1.2)
        assert opened.expected == 5
        assert opened.sha256() == hashlib.sha256(FILM).hexdigest()


def test_video_in_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.avi", FILM)

    frames, _ = frames_of(only(tmp_path / "e.zip", mode=FOUND))

    assert len(frames) == 5


def test_file_with_the_name_of_a_video_that_is_none_is_refused_when_opened(tmp_path: Path) -> None:
    write(tmp_path, film_mp4=b"\0\1\2 no video")

    with pytest.raises(CaseError) as raised, only(tmp_path, mode=FOUND).open():
        pass

    assert raised.value.reason.code == "broken-video"


def test_stills_stay_pictures_where_no_examination_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, a_png=picture(1), b_tif=encoded(numbered(1), "TIFF"), c_dcm=file_of(dataset_of(numbered(1))))

    assert [type(each) for each in inputs_of(tmp_path, mode=FOUND)] == [Item, Item, Item]


def test_videos_are_looked_for_only_where_examinations_are(tmp_path: Path) -> None:
    write(tmp_path, a_png=picture(1), b_avi=FILM, c_ts=b"export const a = 1", d_ts=video(Kind(container="mpegts"), 2))

    assert [each.path for each in inputs_of(tmp_path, mode=Examinations.NONE)] == [f"{tmp_path}/a.png"]
    assert [Path(each.path).name for each in inputs_of(tmp_path, mode=FOUND)] == ["a.png", "b.avi", "d.ts"]


def test_endoscopic_series_is_an_examination_by_instance_number(tmp_path: Path) -> None:
    for name, number in {"a": 3, "b": 1, "c": 2}.items():
        write(tmp_path, **{f"{name}_dcm": endoscopy.still(number, number=number, series="1.2.7")})
    write(tmp_path, d_dcm=endoscopy.still(9, number=1, series="1.2.8"))

    examination, alone = sorted(inputs_of(tmp_path, mode=FOUND), key=lambda each: len(each.path))

    assert isinstance(examination, ExaminationItem)
    assert examination.path == str(tmp_path)
    assert numbers(frames_of(examination)[0]) == [1, 2, 3]
    assert (type(alone), alone.path) == (Item, f"{tmp_path}/d.dcm")


def test_series_named_file_by_file_is_one_examination(tmp_path: Path) -> None:
    write(tmp_path, a_dcm=endoscopy.still(1, number=1), b_dcm=endoscopy.still(2, number=2))

    assert numbers(frames_of(only(tmp_path / "a.dcm", tmp_path / "b.dcm", mode=FOUND))[0]) == [1, 2]


def test_series_of_two_folders_are_two_examinations(tmp_path: Path) -> None:
    for place in ("x", "y"):
        for number in (1, 2):
            write(tmp_path, **{f"{place}__{number}_dcm": endoscopy.still(number, number=number)})

    assert [each.path for each in inputs_of(tmp_path, mode=FOUND)] == [f"{tmp_path}/x", f"{tmp_path}/y"]


@pytest.mark.parametrize("mode", [FOUND, WHOLE])
@pytest.mark.parametrize("stream", [False, True], ids=["cine", "stream"])
def test_endoscopic_object_of_many_frames_is_an_examination(tmp_path: Path, mode: Examinations, stream: bool) -> None:
    film = video(Kind(container="mpegts", codec="mpeg2video"), 25)
    content = endoscopy.video_object(film, uid.MPEG2MPML, frames=25) if stream else endoscopy.cine(25)
    write(tmp_path, film_dcm=content)

    examination = only(tmp_path, mode=mode)
    frames, lost = frames_of(examination)

    assert (examination.path, examination.kind, lost) == (f"{tmp_path}/film.dcm", ExaminationKind.VIDEO, None)
    assert numbers(frames) == [frame.index for frame in frames]
    assert len(frames) == pytest.approx(4, abs=1)


def test_hash_is_over_the_hashes_in_order_before_and_after_reading(tmp_path: Path) -> None:
    write(tmp_path, a2_png=picture(2), a10_png=picture(10), a11_png=b"")
    each = [hashlib.sha256(picture(number)).hexdigest() for number in (2, 10)]

    with only(tmp_path, mode=WHOLE).open() as opened:
        before = opened.sha256()
        for work in opened.frames():
            work()
        assert before == opened.sha256() == hashlib.sha256("".join(each).encode()).hexdigest()


def test_hash_of_one_still_is_that_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, a_png=picture(2))

    with only(tmp_path / "a.png", mode=WHOLE).open() as opened:
        assert opened.sha256() == hashlib.sha256(picture(2)).hexdigest()


@pytest.mark.parametrize("mode", [FOUND, WHOLE])
def test_path_that_gives_nothing_is_answered_for(tmp_path: Path, mode: Examinations) -> None:
    (tmp_path / "empty").mkdir()

    for path, code in {tmp_path / "gone": "not-found", tmp_path / "empty": "no-pictures"}.items():
        (item,) = inputs_of(path, mode=mode)
        assert isinstance(item, Item)
        with pytest.raises(CaseError) as raised:
            item.load()
        assert raised.value.reason.code == code


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_names_are_sorted_as_people_count(numbers: list[int]) -> None:
    names = [f"image{number}.jpg" for number in numbers]

    assert sorted(names, key=natural_key) == [f"image{number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=12)))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]

    assert all(a <= b for a, b in itertools.pairwise(sorted(keys)))
