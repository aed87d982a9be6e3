"""A live session over loopback: it shows the newest, judges beside, keeps what is shown, and outlives its stream."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import simplejpeg

from aimis.live.session import Phase
from aimis.live.source import Source, StreamError
from tests.fakes import videos
from tests.fakes.examinations import write_video
from tests.fakes.rtsp import rtsp
from tests.fakes.streams import Sender, http, udp
from tests.integration.live.conftest import RATE, OpenPage, pictures, viewer

pytestmark = pytest.mark.integration
IN_CONTENT = 100
PATIENCE_S = 60.0


def wait_for(what: Callable[[], Any]) -> Any:
    """What it gives once it gives something; how long that takes is the machine's affair."""
    until_s = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    return found


def shown(jpeg: bytes) -> int:
    return videos.number_shown(simplejpeg.decode_jpeg(jpeg))


def behind(sender: Sender, jpeg: bytes) -> int:
    """How many frames were sent since the one that is shown."""
    return (len(sender.sent_s) - 1 - shown(jpeg)) % IN_CONTENT


def test_stream_of_ten_seconds_is_shown_in_order_and_neither_lag_nor_memory_grows(
    open_page: OpenPage, numbered: bytes, free_port: int
) -> None:
    sender = Sender(content=numbered, rate=RATE)
    lags, numbers, memory = [], [], []
    with udp(sender, free_port), open_page(f"udp://127.0.0.1:{free_port}") as (live, url), viewer(url) as client:
        for number, jpeg in pictures(client):
            numbers.append(number)
            lags.append(behind(sender, jpeg))
            memory.append(psutil.Process().memory_info().rss)
            if live.capture.came > 10 * RATE:
                break
        said = client.get("state").json()
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= live.capture.came <= len(sender.sent_s)
    half = len(lags) // 2
    assert sorted(lags[half:])[half // 2] <= sorted(lags[:half])[half // 2] + RATE
    assert max(memory[half:]) < 1.25 * max(memory[:half])
    assert 0 < said["judged"] <= said["came"]
    assert said["judgement"]["read"]
    assert said["dropped"] <= said["came"]


def test_slow_viewer_gets_fewer_pictures_not_older_ones(open_page: OpenPage, numbered: bytes, free_port: int) -> None:
    sender = Sender(content=numbered, rate=RATE)
    with udp(sender, free_port), open_page(f"udp://127.0.0.1:{free_port}") as (live, url), viewer(url) as client:
        lags, numbers = [], []
        for number, jpeg in islice(pictures(client), 10):
            lags.append(behind(sender, jpeg))
            numbers.append(number)
            time.sleep(0.6)
        dropped = live.showing.pace().dropped
    assert min(b - a for a, b in pairwise(numbers)) > 1
    assert lags[-1] < lags[0] + 2 * RATE, "a queue would have grown by fifteen frames a picture"
    assert dropped >= 0


def test_motion_jpeg_holds_whole_pictures_that_only_rise(open_page: OpenPage, numbered: bytes, free_port: int) -> None:
    sender = Sender(content=numbered, rate=RATE)
    with (
        udp(sender, free_port),
        open_page(f"udp://127.0.0.1:{free_port}") as (_live, url),
        viewer(url) as client,
        client.stream("GET", "stream.mjpeg") as stream,
    ):
        kind = stream.headers["Content-Type"]
        content = b"".join(islice(stream.iter_bytes(50_000), 8))
    assert kind == "multipart/x-mixed-replace; boundary=frame"
    parts = [part.partition(b"\r\n\r\n") for part in content.split(b"--frame\r\n")[1:-1]]
    numbers = [int(head.rpartition(b"X-Frame: ")[2]) for head, _, _ in parts]
    assert len(numbers) > 1
    assert numbers == sorted(set(numbers))
    assert all(simplejpeg.decode_jpeg(jpeg).shape == (360, 640, 3) for _, _, jpeg in parts)


def test_stream_that_breaks_off_is_said_and_taken_up_again(open_page: OpenPage, numbered: bytes) -> None:
    with http(numbered, RATE, frames=40) as address, open_page(address) as (live, url), viewer(url) as client:
        seen = pictures(client)
        first, _ = next(seen)
        said = wait_for(lambda: live.capture.breaks and client.get("state?lang=zh").json())
        wait_for(lambda: live.capture.came > 60)
        later = next(number for number, _ in seen if number > 60)
        assert live.judging.latest is not None
    assert first < later
    assert said["link"] in {"broken", "live"}
    assert live.capture.breaks >= 1


def test_broken_stream_has_no_judgement_and_says_why(open_page: OpenPage, numbered: bytes, free_port: int) -> None:
    sender = Sender(content=numbered, rate=RATE)
    with udp(sender, free_port), open_page(f"udp://127.0.0.1:{free_port}") as (live, url), viewer(url) as client:
        wait_for(lambda: live.judging.latest)
        sender.stopped.set()
        said = wait_for(lambda: (s := client.get("state").json())["link"] == "broken" and s)
        in_chinese = client.get("state", params={"lang": "zh"}).json()
    assert said["judgement"] is None
    assert "broke off" in said["link_text"]
    assert "中断" in in_chinese["link_text"]


def test_frame_that_was_shown_is_kept_in_full_size_and_can_be_taken_away(open_page: OpenPage, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=20, lesion=(0, 20))
    with open_page(str(path)) as (live, url), viewer(url) as client:
        number, _ = next(pictures(client))
        wait_for(lambda: live.judging.latest)
        name = client.post("keep", params={"number": number}).json()["name"]
        client.post("keep")
        kept = simplejpeg.decode_jpeg(client.get(f"kept/{name}").content)
        listed = client.get("state").json()["kept"]
        assert client.post(f"kept/{name}/remove").status_code == 204
        assert client.get(f"kept/{name}").status_code == 404
        assert client.get("kept/..%2Fv.mp4").status_code == 404
    assert kept.shape == (240, 320, 3)
    assert [one["name"] for one in listed] == ["001.jpg", "002.jpg"]
    assert [file.name for file in live.keeping.stills.iterdir()] == ["002.jpg"]


def test_lesion_in_view_alarms_once_and_is_outlined(open_page: OpenPage, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=20, lesion=(0, 20))
    with open_page(str(path)) as (_live, url), viewer(url) as client:
        seen = pictures(client)
        said = wait_for(lambda: next(seen) and (s := client.get("state").json())["alarms"] and s)
        picture = simplejpeg.decode_jpeg(next(seen)[1])
    assert said["alarms"] == 1
    first = said["judgement"]["findings"][0]
    assert (first["level"], first["title"]) == ("borne-out", "Oesophageal neoplasia")
    assert (picture.min(axis=2) > 200).any(), "the outline is white, and nothing else in the picture"


def test_recording_ends_the_session_and_is_played_at_its_own_speed(open_page: OpenPage, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=2)
    began_s = time.monotonic()
    with open_page(str(path)) as (live, url), viewer(url) as client:
        wait_for(live.is_over)
        took_s = time.monotonic() - began_s
        said = client.get("state").json()
    assert live.capture.came == 2 * RATE
    assert took_s > 1.9, "however fast the machine is"
    assert said["link"] == "over"


def test_nothing_is_told_without_the_key_and_the_page_belongs_to_no_other(open_page: OpenPage, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", seconds=10)
    with open_page(str(path)) as (live, url), viewer(url) as client:
        page = client.get("")
        root = httpx.URL(url).join("/")
        for place in ("", "state", "other/state", "openapi.json", "docs"):
            assert httpx.get(root.join(place), trust_env=False).status_code == 404
        assert httpx.post(root.join("end"), trust_env=False).status_code == 404
        assert live.phase is Phase.RUNNING
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "http" not in page.text.replace(str(path), "")


def test_rtsp_stream_is_read_with_its_password_and_taken_up_again_when_the_server_hangs_up(
    open_page: OpenPage, numbered: bytes
) -> None:
    secret = base64.b64encode(b"dr:secret").decode()
    with rtsp(numbered, RATE, password=secret) as (address, relay):
        with pytest.raises(StreamError) as refused, Source.of(address).open():
            pass
        with open_page(address.replace("//", "//dr:secret@")) as (live, url), viewer(url) as client:
            seen = pictures(client)
            before = [shown(jpeg) for _, jpeg in islice(seen, 20)]
            relay.hang_up()
            wait_for(lambda: live.capture.breaks)
            number, _ = next(seen)
            wait_for(lambda: live.capture.came > number + RATE)
            page = client.get("").text
    assert refused.value.reason.code == "live-no-permission"
    assert sum((b - a) % IN_CONTENT in {1, 2, 3} for a, b in pairwise(before)) > len(before) // 2
    assert "secret" not in page
    assert address in page
