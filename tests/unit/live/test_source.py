"""What can be named as a source, and what a person is told of one that does not come."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aimis.domain.errors import UsageError
from aimis.live.source import Source, SourceKind, StreamError
from aimis.reports.texts import LANGUAGES, load_texts
from tests.fakes import pictures

TEXT = Path(__file__).parents[3] / "src" / "aimis" / "live" / "text"


def failure(location: str) -> StreamError:
    with pytest.raises(StreamError) as caught, Source.of(location).open():
        pass
    return caught.value


def words_of(error: StreamError, language: str) -> str:
    return load_texts(language, [{language: TEXT / f"{language}.toml"}]).reason(error.reason)


def opening(location: str) -> str:
    """The code of the error."""
    error = failure(location)
    for language in LANGUAGES:
        said = words_of(error, language)
        assert Source.of(location).name in said if Path(location).exists() or "://" in location else said
        assert "secret" not in said
    return error.reason.code


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("rtsp://dr:secret@10.0.0.7:554/live?token=secret", "rtsp://10.0.0.7:554/live"),
        ("rtsp://dr:se@cret@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("udp://0.0.0.0:5000", "udp://0.0.0.0:5000"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_name_holds_no_secret(location: str, name: str) -> None:
    assert Source.of(location).name == name


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    kinds = [Source.of(at).kind for at in ("/dev/video7", str(tmp_path / "v.mp4"), "RTSP://h/x")]
    assert kinds == [SourceKind.DEVICE, SourceKind.FILE, SourceKind.ADDRESS]


@pytest.mark.parametrize("location", ["ftp://h/x", "concat://a", "."])
def test_what_is_no_stream_is_wrong_usage(location: str) -> None:
    with pytest.raises(UsageError):
        Source.of(location)


def test_device_that_is_not_there_is_named() -> None:
    assert opening("/dev/video987") == "live-no-device"


def test_device_that_gives_no_pictures_is_told_from_one_that_is_not_there() -> None:
    assert opening("/dev/null") == "live-no-camera"


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StreamError) as caught:
        Source.of(str(tmp_path / "gone.mp4"))
    assert caught.value.reason.code == "live-no-file"


@pytest.mark.parametrize(
    "content", [b"", bytes(range(128, 256)), b"\0\0\0\x18ftypmp42 and no more", b"RIFF\0\0\0\0AVI "]
)
def test_file_that_holds_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    assert opening(str(tmp_path / "x.mp4")) == "live-no-video"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (pictures.encoded(pictures.photograph(40, 30), "JPEG"), "JPEG"),
        (pictures.encoded(pictures.photograph(40, 30), "PNG"), "PNG"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"%PDF-1.7", "PDF"),
        (b"no video at all", "text"),
        (b"#EXTM3U\n#EXTINF:1,\nother.ts\n", "text"),
    ],
)
def test_file_of_another_kind_is_told_as_what_it_is_and_what_a_source_may_be(
    tmp_path: Path, content: bytes, form: str
) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    assert opening(str(tmp_path / "x.mp4")) == "live-other-file"
    said = words_of(failure(str(tmp_path / "x.mp4")), "en")
    assert all(word in said for word in (form, "/dev/video0", "rtsp://", "video file", "aimis read"))


@pytest.mark.parametrize("address", ["rtsp://dr:secret@127.0.0.1:{}/x", "http://127.0.0.1:{}/x", "tcp://127.0.0.1:{}"])
def test_address_that_refuses_is_told_at_once(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert opening(address.format(port)) == "live-refused"


@pytest.mark.parametrize("address", ["rtsp://127.0.0.1:{}/x", "http://127.0.0.1:{}/x"])
def test_address_that_does_not_answer_is_told_after_a_while(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimis.live.source.ANSWERS_WITHIN_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert opening(address.format(silent.getsockname()[1])) == "live-no-answer"
