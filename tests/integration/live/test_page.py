"""The page in a real browser: by keyboard alone and by touch, in both languages, for whoever cannot see it too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.fakes.examinations import write_video
from tests.integration.live.conftest import OpenPage

pytestmark = pytest.mark.integration


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that may load nothing from elsewhere and has no fault of script or policy."""
    faults: list[str] = []
    opened = chromium.new_page()
    opened.set_default_timeout(60_000)
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda asked: faults.append(asked.url) if "127.0.0.1" not in asked.url else None)
    yield opened
    opened.close()
    assert [fault for fault in faults if not fault.startswith(("data:", "Failed to load"))] == []


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "v.mp4", seconds=60, lesion=(0, 60)))


def drawn(page: Page) -> str:
    """The picture as it is on the page."""
    return str(page.evaluate("document.getElementById('picture').toDataURL()"))


@pytest.mark.parametrize(
    ("language", "finding", "notice"),
    [("en", "Oesophageal neoplasia", "Research use only"), ("zh", "多次判读均可见", "仅供研究使用")],
)
def test_page_says_what_is_judged_in_its_language_and_axe_finds_nothing(
    open_page: OpenPage, page: Page, recording: str, language: str, finding: str, notice: str
) -> None:
    with open_page(recording) as (_live, url):
        page.goto(f"{url}?lang={language}")
        expect(page.locator("#findings li").first).to_contain_text(finding, timeout=60_000)
        expect(page.locator("#alarm")).not_to_be_empty(timeout=60_000)
        expect(page.locator("#delay")).not_to_have_text("–", timeout=60_000)
        expect(page.locator(".notice")).to_contain_text(notice)
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if language == "zh" else "en")
        for view in ("tab-kept", "tab-live"):
            page.click(f"#{view}")
            assert Axe().run(page).violations_count == 0
        page.goto("about:blank")


def test_space_freezes_and_keeps_what_is_shown_and_goes_on(open_page: OpenPage, page: Page, recording: str) -> None:
    with open_page(recording) as (live, url):
        page.goto(url)
        expect(page.locator("#delay")).not_to_have_text("–", timeout=60_000)
        page.keyboard.press("Space")
        expect(page.locator("#said")).to_have_text("Kept as 001.jpg.", timeout=60_000)
        expect(page.locator("#frozen")).to_have_text("FROZEN")
        still = drawn(page)
        came = live.capture.came
        page.wait_for_function("() => new Promise(done => setTimeout(() => done(true), 600))")
        assert live.capture.came > came
        assert drawn(page) == still
        page.keyboard.press("Space")
        expect(page.locator("#frozen")).to_be_hidden()
        expect(page.locator("#kept-count")).to_have_text("1", timeout=60_000)
        page.goto("about:blank")
    assert [path.name for path in live.keeping.stills.iterdir()] == ["001.jpg"]


def test_chime_is_muted_and_unmuted_and_space_on_a_clicked_button_still_keeps(
    open_page: OpenPage, page: Page, recording: str
) -> None:
    with open_page(recording) as (live, url):
        page.goto(url)
        chime = page.locator("#chime")
        expect(chime).to_have_attribute("aria-pressed", "false")
        chime.click()
        expect(chime).to_have_attribute("aria-pressed", "true")
        chime.click()
        expect(chime).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("Space")
        expect(page.locator("#said")).to_contain_text("Kept", timeout=60_000)
        expect(chime).to_have_attribute("aria-pressed", "false")
        page.goto("about:blank")
    assert len(live.keeping.frames) == 1


def test_keyboard_alone_reaches_the_kept_frames_and_ends_the_examination(
    open_page: OpenPage, page: Page, recording: str
) -> None:
    with open_page(recording) as (live, url):
        page.goto(url)
        expect(page.locator("#delay")).not_to_have_text("–", timeout=60_000)
        page.keyboard.press("Space")
        expect(page.locator("#kept-count")).to_have_text("1", timeout=60_000)
        page.locator("#tab-live").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#kept img")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        page.locator("#end").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#sure")).to_be_visible()
        page.keyboard.press("Escape")
        assert not live.over.is_set()
        page.locator("#end").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert live.over.wait(60)
        page.goto("about:blank")
