"""Chromium walks the phone page, by keyboard and by touch, without JavaScript; axe looks at each page."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.integration.web.conftest import PASSWORD

pytestmark = pytest.mark.integration
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = (
    "",
    "/understood",
    "/body",
    "/body?part=chest",
    "/answers",
    "/result",
    "/summary",
    "/keep",
    "/doctor",
    "/erase",
)
SMALLEST_TARGET_PX = 24  # WCAG 2.2, 2.5.8


def phone(browser: Browser, language: str, *, scripts: bool = False) -> BrowserContext:
    return browser.new_context(locale="zh-CN" if language == "zh" else "en-GB", java_script_enabled=scripts, **PHONE)  # type: ignore[arg-type]


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"Tab does not reach {selector}")


def enter(page: Page) -> None:
    """Press Enter on a link or a button, and see the page it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def tap(page: Page, selector: str) -> None:
    """Touch a link or a button, and see the page it leads to."""
    with page.expect_navigation():
        page.locator(selector).first.tap()


def answered(page: Page, press: str) -> int:
    """All questions answered with "I do not know", by Enter or by touch; how many."""
    for number in range(16):
        if not page.locator("input[name=turn]").count():
            return number
        unknown = "button[value=unknown]"
        if press == "tap":
            tap(page, unknown)
        else:
            tab_to(page, unknown)
            enter(page)
    raise AssertionError("the questions do not end")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_keyboard_alone_leads_from_a_symptom_to_the_hand_over(chromium: Browser, url: str, language: str) -> None:
    context = phone(chromium, language)
    page = context.new_page()
    page.goto(url)
    tab_to(page, "button.main")
    enter(page)
    tab_to(page, "#age")
    page.keyboard.type("45")
    tab_to(page, "input[name=sex]")
    page.keyboard.press("ArrowUp")
    tab_to(page, "button.main")
    enter(page)
    tab_to(page, "a[href$='part=head']")
    enter(page)
    tab_to(page, "input[value=headache]")
    page.keyboard.press("Space")
    tab_to(page, "button.main")
    enter(page)
    tab_to(page, "a.main")
    enter(page)
    assert answered(page, "enter") >= 1
    tab_to(page, "a[href$='/doctor']")
    enter(page)
    tab_to(page, "input[name=agree]")
    page.keyboard.press("Space")
    tab_to(page, "button.main")
    enter(page)
    assert page.locator("[role=status]").count() == 1
    context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_touch_leads_from_a_symptom_to_the_hand_over_and_the_doctor_answers(
    chromium: Browser, url: str, language: str
) -> None:
    context = phone(chromium, language)
    page = context.new_page()
    page.goto(url)
    tap(page, "button.main")
    page.locator("#age").fill("45")
    page.locator("label:has(input[value=F])").tap()
    tap(page, "button.main")
    tap(page, "svg a[href$='part=chest']")
    page.locator("label:has(input[value=cough])").tap()
    tap(page, "button.main")
    tap(page, "a.main")
    answered(page, "tap")
    tap(page, "a[href$='/doctor']")
    page.locator("label:has(input[name=agree])").tap()
    tap(page, "button.main")
    place = page.url
    clinic = context.new_page()
    clinic.goto(f"{url}/clinic?lang={language}")
    clinic.locator("#name").fill("Dr Li")
    clinic.locator("#password").fill(PASSWORD)
    tap(clinic, "button.main")
    tap(clinic, "ol.queue a")
    clinic.locator("#text").fill("Come in tomorrow. 明天来。")
    tap(clinic, "button.main")
    page.goto(place)
    assert "Come in tomorrow. 明天来。" in page.locator("ol.messages").inner_text()
    context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_on_any_page_and_no_page_is_wider_than_the_phone(
    chromium: Browser, url: str, language: str
) -> None:
    context = phone(chromium, language, scripts=True)  # axe itself is a script; ours are none
    page, outside = context.new_page(), list[str]()
    page.on("request", lambda request: outside.append(request.url) if not request.url.startswith(url) else None)
    page.goto(url)
    look(page, "/")
    tap(page, "button.main")
    look(page, "/begin")
    page.locator("#age").fill("200")
    tap(page, "button.main")
    look(page, "a refused age")
    page.locator("#age").fill("45")
    tap(page, "button.main")
    place = page.url.removesuffix("/body")
    page.goto(f"{place}/body?part=head")
    page.locator("input[value=headache]").check()
    tap(page, "button.main")
    for path in PAGES:
        page.goto(f"{place}{path}")
        look(page, path)
    page.goto(f"{place}/doctor")
    tap(page, "button.main")
    look(page, "a refused hand-over")
    page.locator("input[name=agree]").check()
    tap(page, "button.main")
    look(page, "handed over")
    page.goto(f"{url}/clinic/login?lang={language}")
    look(page, "login")
    page.locator("#name").fill("Dr Li")
    page.locator("#password").fill(PASSWORD)
    tap(page, "button.main")
    look(page, "queue")
    tap(page, "ol.queue a")
    look(page, "case")
    assert outside == []
    context.close()


def look(page: Page, where: str) -> None:
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, where
    small = page.evaluate(
        "least => [...document.querySelectorAll('main a, main button, main .choice, main summary')]"
        ".filter(e => !e.closest('svg, p, li')).filter(e => e.getBoundingClientRect().height < least).length",
        SMALLEST_TARGET_PX,
    )
    assert small == 0, where


def test_page_holds_no_script_and_prints_without_its_buttons(chromium: Browser, url: str) -> None:
    context = phone(chromium, "en")
    page = context.new_page()
    page.goto(url)
    tap(page, "button.main")
    tap(page, "button.main")
    page.goto(page.url.removesuffix("/body") + "/summary")
    assert page.locator("script").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("nav.actions").is_visible()
    assert not page.locator(".helpline").is_visible()
    assert len(page.pdf()) > 1000
    context.close()
