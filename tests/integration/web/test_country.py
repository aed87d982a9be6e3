"""No page shows a number to call before it is known where the person is."""

from __future__ import annotations

import re

import httpx
import pytest

from aimis.settings import ServeSettings, Settings
from aimis.web.consent import VERSION
from aimis.web.serving import Service, make_service
from tests.integration.web.conftest import served

pytestmark = pytest.mark.integration


def begun(client: httpx.Client, language: str, **more: str) -> httpx.Response:
    sent = {"lang": language, "agree": VERSION, "who": "self", "age": "45", "sex": "M", "text": "cough", **more}
    return client.post("/begin", data=sent)


def dialled(page: httpx.Response) -> set[str]:
    return set(re.findall(r'href="tel:([^"]+)"', page.text))


def test_english_page_asks_for_the_country_before_it_shows_a_number(client: httpx.Client) -> None:
    assert dialled(client.get("/?lang=en")) == set()
    assert dialled(client.get(f"/begin?lang=en&agree={VERSION}")) == set()
    assert dialled(begun(client, "en")) == set()
    assert {"999", "911", "112", "120"} <= dialled(client.get("/emergency?lang=en"))


@pytest.mark.parametrize(
    ("language", "country", "number"),
    [
        ("en", "GB", "999"),
        ("en", "US", "911"),
        ("en", "ZZ", "112"),
        ("zh", "CN", "120"),
        ("zh", "HK", "999"),
        ("zh", "TW", "119"),
    ],
)
def test_page_shows_the_number_of_the_country_that_was_chosen(
    client: httpx.Client, language: str, country: str, number: str
) -> None:
    page = begun(client, language, country=country)
    assert dialled(page) == {number}
    link = re.search(r"/c/([^/\"]+)", str(page.url))
    assert link is not None
    for name in ("", "/result", "/keep", "/doctor", "/erase"):
        assert dialled(client.get(f"/c/{link[1]}{name}")) <= {number}


def test_chinese_page_shows_chinas_number_and_the_way_to_others(client: httpx.Client) -> None:
    page = client.get("/?lang=zh")
    assert dialled(page) == {"120"}
    assert 'href="/emergency?lang=zh"' in page.text
    assert dialled(begun(client, "zh")) == {"120"}


def test_site_that_names_its_country_asks_nobody(service: Service) -> None:
    named = Settings(serve=ServeSettings(country="GB", requests_per_minute=10_000))
    app = make_service(named, service.store, service.site.desk.dialogue).app
    with served(app) as url, httpx.Client(base_url=url, follow_redirects=True, trust_env=False) as client:
        for language in ("en", "zh"):
            assert dialled(client.get(f"/?lang={language}")) == {"999"}
        assert 'name="country"' not in client.get(f"/begin?lang=en&agree={VERSION}").text
