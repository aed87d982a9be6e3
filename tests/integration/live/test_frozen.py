"""What stands on a picture and beside it is of that picture, in a scripted stream that cuts from scene to scene."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from playwright.sync_api import Browser, Page, expect

from aimis.imaging.frame import Frame
from aimis.live.session import Live
from aimis.readers.port import JudgedFrame
from tests.fakes.examinations import write_scenes
from tests.fakes.examiner import Examiner, mucosa
from tests.integration.live.conftest import RATE, OpenPage, pictures, viewer

pytestmark = pytest.mark.integration
SCENE_S = 4
WHITE = """() => {
  const canvas = document.getElementById("picture");
  const rgb = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < rgb.length; i += 4) count += rgb[i] > 200 && rgb[i + 1] > 200 && rgb[i + 2] > 200;
  return count;
}"""
"""Outlines are white, and nothing else in these pictures is."""
PIXEL = "document.getElementById('picture').getContext('2d').getImageData(160, 40, 1, 1).data"
"""Of the mucosa: red, green, blue."""


@dataclass(frozen=True, kw_only=True)
class SlowExaminer(Examiner):
    """Takes so long that a scene has changed before a frame of the last one is judged."""

    def judge(self, frame: Frame) -> JudgedFrame:
        """As the toy reader, later."""
        time.sleep(0.25)
        return super().judge(frame)


@pytest.fixture
def cuts(tmp_path: Path) -> str:
    """A lesion of the oesophagus, the colon, and so on: four seconds of each, again and again."""
    lesion, colon = mucosa(lesion=True, at=0), mucosa(colon=True, at=9)
    scenes = [lesion if n // (SCENE_S * RATE) % 2 == 0 else colon for n in range(15 * SCENE_S * RATE)]
    return str(write_scenes(tmp_path / "cuts.mp4", scenes))


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    opened = chromium.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


def is_colon(rgb: npt.NDArray[np.uint8]) -> bool:
    red, _, blue = rgb.reshape(-1, 3).mean(axis=0)
    return bool(blue > red)


def outlined(rgb: npt.NDArray[np.uint8]) -> bool:
    return bool((rgb.min(axis=2) > 200).any())


def wait_for_site(live: Live, site: str) -> None:
    until_s = time.monotonic() + 60
    while live.judging.latest is None or live.judging.latest.record.site != site:
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_frozen_frame_keeps_its_own_judgement_and_outlines_while_the_stream_goes_on(
    open_page: OpenPage, page: Page, cuts: str
) -> None:
    with open_page(cuts) as (live, url):
        page.goto(url)
        wait_for_site(live, "colon")
        expect(page.locator("#alarm")).to_be_empty()
        wait_for_site(live, "oesophagus")
        expect(page.locator("#alarm")).not_to_be_empty()
        page.keyboard.press("Space")
        expect(page.locator("#said")).to_have_text("Kept as 001.jpg.")
        site, findings = page.locator("#site").inner_text(), page.locator("#findings").inner_text()
        assert "oesophagus" in site.lower()
        assert page.evaluate(WHITE) > 0
        wait_for_site(live, "colon")
        page.wait_for_timeout(1000)
        assert live.judging.latest is not None
        assert live.judging.latest.record.site == "colon"
        assert page.locator("#site").inner_text() == site
        assert page.locator("#findings").inner_text() == findings
        expect(page.locator("#alarm")).not_to_be_empty()
        assert page.evaluate(WHITE) > 0
        page.keyboard.press("Space")
        expect(page.locator("#reason")).not_to_be_empty()
        expect(page.locator("#alarm")).to_be_empty()
        page.wait_for_function(f"() => ({WHITE})() === 0")
        page.goto("about:blank")


def test_frame_frozen_before_it_was_judged_is_judged_then_and_by_itself(
    open_page: OpenPage, page: Page, cuts: str
) -> None:
    with open_page(cuts, SlowExaminer()) as (live, url):
        page.goto(url)
        wait_for_site(live, "oesophagus")
        page.wait_for_function(f"() => ({PIXEL})[2] > ({PIXEL})[0]")
        page.keyboard.press("Space")
        expect(page.locator("#said")).to_have_text("Kept as 001.jpg.")
        assert "colon" in page.locator("#site").inner_text().lower()
        assert page.evaluate(WHITE) == 0
        expect(page.locator("#alarm")).to_be_empty()
        page.goto("about:blank")
    (kept,) = live.keeping.frames
    assert kept.record.site == "colon"


def test_no_picture_carries_the_outlines_of_another_scene(open_page: OpenPage, cuts: str) -> None:
    drawn = {True: 0, False: 0}
    with open_page(cuts, SlowExaminer()) as (live, url), viewer(url) as client:
        for _, jpeg in pictures(client):
            rgb = simplejpeg.decode_jpeg(jpeg)
            drawn[is_colon(rgb)] += outlined(rgb)
            if live.capture.came > 3.5 * SCENE_S * RATE:
                break
    assert drawn[False] > 0
    assert drawn[True] == 0


def test_words_beside_the_picture_name_the_frame_that_they_are_of_and_go_with_its_scene(
    open_page: OpenPage, cuts: str
) -> None:
    wrong, right = 0, 0
    with open_page(cuts, SlowExaminer()) as (live, url), viewer(url) as client:
        while live.capture.came <= 3.5 * SCENE_S * RATE:
            before = live.capture.newest.peek()
            said = client.get("state").json()["judgement"]
            after = live.capture.newest.peek()
            if said is None or not said["of_picture"] or before is None or after is None:
                continue
            if is_colon(before.still.rgb) == is_colon(after.still.rgb):
                assert said["frame"] <= after.number
                right += (said["site"] == "colon") == is_colon(after.still.rgb)
                wrong += (said["site"] == "colon") != is_colon(after.still.rgb)
    assert right > 0
    assert wrong == 0


def test_frame_that_is_no_longer_held_is_not_replaced_by_another(open_page: OpenPage, cuts: str) -> None:
    with open_page(cuts) as (live, url), viewer(url) as client:
        number, _ = next(pictures(client))
        for later, _ in pictures(client):
            if later > number + 2 * RATE:
                break
        answer = client.post("keep", params={"number": number})
    assert answer.status_code == 409
    assert live.keeping.frames == []


def test_keeping_gives_the_frame_with_its_own_outlines(open_page: OpenPage, cuts: str) -> None:
    with open_page(cuts) as (_live, url), viewer(url) as client:
        number, _ = next(pictures(client))
        said = client.post("keep", params={"number": number, "lang": "zh"}).json()
    assert said["judgement"]["frame"] == number
    assert said["judgement"]["findings"][0]["title"] == "食管肿瘤"
    assert outlined(simplejpeg.decode_jpeg(b64decode(said["picture"])))
