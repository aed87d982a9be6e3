"""Bad input gets a clear reply or a clear refusal, and the state stays right."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from aimis.consult.consultation import Answer
from aimis.store import consultations
from aimis.web.consent import VERSION
from aimis.web.desk import Chart
from aimis.web.serving import Service
from tests.integration.web.conftest import PASSWORD

pytestmark = pytest.mark.integration

START = {"consent": VERSION, "language": "en", "age_years": 45, "sex": "M", "text": ""}
FORM = {"lang": "en", "agree": VERSION, "who": "self", "age": "45", "sex": "M", "text": "headache"}


def begun(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/api/v1/consultations", json=START).raise_for_status().json()
    return answer


def place(state: dict[str, Any]) -> str:
    return f"/api/v1/consultations/{state['link']}"


def test_nothing_is_kept_of_who_does_not_agree(client: httpx.Client) -> None:
    assert client.post("/api/v1/consultations", json={**START, "consent": ""}).json()["error"] == "consent"
    assert client.post("/begin", data={**FORM, "agree": ""}).status_code == 422


@pytest.mark.parametrize(
    "text", ["🙂" * 100, "you idiot", "Bonjour, j'ai mal", "a' or 1=1 --", "<b>x</b>", "\u202e\u0000x", "ＡＢＣ"]
)
def test_text_of_any_kind_begins_a_consultation_and_is_shown_as_text(client: httpx.Client, text: str) -> None:
    page = client.post("/begin", data={**FORM, "text": text})
    assert page.status_code == 200
    assert "<b>x</b>" not in page.text


@pytest.mark.parametrize("length", [2_001, 10_000])
def test_text_that_is_too_long_is_refused_and_stays_in_the_form(client: httpx.Client, length: int) -> None:
    page = client.post("/begin", data={**FORM, "text": "x" * length})
    assert page.status_code == 422
    assert "2,000" in page.text
    assert "x" * length in page.text
    assert client.post("/api/v1/consultations", json={**START, "text": "x" * length}).status_code == 422


def test_body_beyond_all_measure_is_refused(client: httpx.Client) -> None:
    assert client.post("/begin", content=b"x" * 100_000).status_code == 413


@pytest.mark.parametrize("age", ["-1", "131", "abc", "nan", "inf", "1e9", "١٢٣٤"])
def test_age_that_cannot_be_is_refused_and_the_form_says_why(client: httpx.Client, age: str) -> None:
    page = client.post("/begin", data={**FORM, "age": age})
    assert page.status_code == 422
    assert "between 0 and 130" in page.text


def test_child_alone_is_told_to_fetch_a_grown_up(client: httpx.Client) -> None:
    page = client.post("/begin", data={**FORM, "age": "10"})
    assert "another grown-up" in client.get(str(page.url).rsplit("/", 1)[0]).text


def test_answer_to_an_old_question_changes_nothing_and_is_told_so(client: httpx.Client) -> None:
    state = begun(client)
    turn, finding = state["question"]["turn"], state["question"]["id"]
    after = client.post(f"{place(state)}/answers", json={"turn": turn, "answer": "unknown"}).json()
    again = client.post(f"{place(state)}/answers", json={"turn": turn, "answer": True}).json()
    assert again == after
    sent = {"turn": str(turn), "finding": finding, "value": "yes"}
    assert "answered already" in client.post(f"/c/{state['link']}", data=sent).text
    assert client.get(place(state)).json() == after


def test_two_devices_at_once_answer_a_question_once(client: httpx.Client) -> None:
    state = begun(client)
    sent = {"turn": state["question"]["turn"], "answer": "unknown"}
    taps = [
        threading.Thread(target=client.post, args=(f"{place(state)}/answers",), kwargs={"json": sent}) for _ in range(4)
    ]
    for one in taps:
        one.start()
    for one in taps:
        one.join()
    after = client.get(place(state)).json()
    assert (len(after["answers"]), after["revision"]) == (1, 2)


@pytest.mark.parametrize("answer", ["nonsense", 10**400, {}, None, ["a"] * 1000, -1])
def test_answer_that_is_none_is_refused_and_the_question_stays(client: httpx.Client, answer: object) -> None:
    state = begun(client)
    refused = client.post(f"{place(state)}/answers", json={"turn": state["question"]["turn"], "answer": answer})
    assert refused.status_code == 422
    assert client.get(place(state)).json() == state


@pytest.mark.parametrize("value", [[], ["yes", "no"], ["maybe"], ["unknown", "yes"], ["9" * 500]])
def test_form_that_answers_nothing_is_refused_and_the_question_stays(client: httpx.Client, value: list[str]) -> None:
    state = begun(client)
    sent = {"turn": str(state["question"]["turn"]), "finding": state["question"]["id"], "value": value}
    assert client.post(f"/c/{state['link']}", data=sent).status_code == 422
    assert client.get(place(state)).json() == state


def test_contradiction_is_taken_as_the_later_answer(client: httpx.Client) -> None:
    state = begun(client)
    for value in (True, False):
        state = client.put(f"{place(state)}/answers/fever", json={"answer": value}).raise_for_status().json()
    assert state["answers"]["fever"] is False


@pytest.mark.parametrize("link", ["x", "A" * 43, "A" * 4000, "%00", "..%2f..%2fetc"])
def test_made_up_link_leads_nowhere(client: httpx.Client, link: str) -> None:
    assert client.get(f"/c/{link}").status_code == 404
    assert client.get(f"/api/v1/consultations/{link}").status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"turn": "x"}', b'{"turn": 1, "answer": true, "more": 1}', b"[" * 5000]
)
def test_json_that_does_not_hold_is_refused_and_not_repeated(client: httpx.Client, body: bytes) -> None:
    state = begun(client)
    refused = client.post(f"{place(state)}/answers", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code in {400, 422}
    assert refused.json()["error"] == "form"


def test_consultation_outlives_a_finding_that_newer_knowledge_dropped(client: httpx.Client, service: Service) -> None:
    state = begun(client)
    with service.store.begin() as tx:
        kept = consultations.get(tx, service.site.desk.who(state["link"]))
        chart = Chart.model_validate_json(kept.content)
        gone = Answer(finding="dropped-since", value=True)
        old = chart.consultation.model_copy(update={"asking": "dropped-too", "answers": (gone,)})
        content = chart.model_copy(update={"consultation": old}).model_dump_json().encode()
        consultations.put(tx, kept, content, finished=False)
    assert client.get(place(state)).json()["answers"] == {}
    assert client.get(f"/c/{state['link']}").status_code == 200


def test_erased_consultation_is_gone_for_every_page(client: httpx.Client) -> None:
    state = begun(client)
    assert "Erase this consultation" in client.get(f"/c/{state['link']}/erase").text
    assert client.post(f"/c/{state['link']}/erase").status_code == 200
    for path in ("", "/result", "/summary.pdf", "/doctor", "/export.json"):
        assert client.get(f"/c/{state['link']}{path}").status_code == 404
    assert client.delete(place(state)).status_code == 204


def test_export_holds_all_that_was_said_and_the_consent(client: httpx.Client) -> None:
    state = client.post("/api/v1/consultations", json={**START, "text": "my knee hurts"}).json()
    kept = client.get(f"{place(state)}/export").json()
    assert kept["consultation"]["told"] == ["my knee hurts"]
    assert kept["consent"] == {"version": f"{VERSION}-en", "sha256": client.get("/api/v1/consent").json()["sha256"]}


def test_headers_keep_the_address_to_the_page_and_load_nothing_from_outside(client: httpx.Client) -> None:
    state = begun(client)
    headers = client.get(f"/c/{state['link']}").headers
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_openapi_describes_every_path_of_the_api(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert len(described["paths"]) >= 9
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    for operations in described["paths"].values():
        assert all(operation["description"] for operation in operations.values())


def test_queue_is_closed_to_who_is_not_logged_in_and_to_forms_of_others(client: httpx.Client) -> None:
    state = client.post("/api/v1/consultations", json=START).json()
    client.post(f"{place(state)}/handover", json={"agree": True, "text": "please"}).raise_for_status()
    case = f"/clinic/case/{client.get(f'{place(state)}/export').json()['id']}"
    for path in ("/clinic", case, f"{case}/fhir.json"):
        assert str(client.get(path).url).endswith("/clinic/login")
    for wrong in ({"name": "Dr Li", "password": "wrong"}, {"name": "Dr Li\0", "password": PASSWORD}):
        assert client.post("/clinic/login", data=wrong).status_code == 401
    client.post("/clinic/login", data={"name": "Dr Li", "password": PASSWORD, "lang": "en"})
    assert "please" in client.get(case).text
    assert str(client.post(case, data={"text": "forged", "guard": "0"}).url).endswith("/clinic/login")
    assert client.get(place(state)).json()["messages"] == [
        {**message, "author": "person"} for message in client.get(place(state)).json()["messages"]
    ]


def test_clinician_sees_no_consultation_that_was_not_handed_over(client: httpx.Client) -> None:
    state = begun(client)
    client.post("/clinic/login", data={"name": "Dr Li", "password": PASSWORD, "lang": "en"})
    alone = client.get(f"{place(state)}/export").json()["id"]
    assert client.get(f"/clinic/case/{alone}").status_code == 404


def test_hand_over_needs_agreement(client: httpx.Client) -> None:
    state = begun(client)
    assert client.post(f"/c/{state['link']}/doctor", data={"text": "x"}).status_code == 422
    assert client.post(f"{place(state)}/handover", json={"agree": False}).status_code == 422
    assert client.get(place(state)).json()["handover"] is None
