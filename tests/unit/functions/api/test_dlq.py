"""/v1/dlq."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.bootstrap import Services
from shared.contracts import SendEmail
from shared.errors import ProviderUnavailable
from shared.models import DeadLetter, JobRow, JobStatus, MessageRow
from shared.services.giving_up import give_up
from shared.values import MessageKind, MessageStatus
from tests.unit.functions.api.conftest import Connect, new_key

URL = "/v1/dlq"


def given_up(stack: Services, **columns: Any) -> UUID:
    """A mail that was given up; returns the job's id."""
    account_id = new_key(stack).account.id
    with stack.database.write() as work:
        mail = MessageRow(account_id=account_id, kind=MessageKind.EMAIL, recipient="a@example.com", content={})
        work.session.add(mail)
        work.session.flush()
        payload = SendEmail(message_id=mail.id).model_dump(mode="json")
        failed = {
            "status": JobStatus.FAILED,
            "attempt": 4,
            "error_code": "provider_unavailable",
            "error_message": "gone",
        }
        job = JobRow(**({"name": SendEmail.name, "queue": SendEmail.queue, "payload": payload} | failed | columns))
        work.session.add(job)
        work.session.flush()
        give_up(work, job, ProviderUnavailable("gone"), "Traceback ...")
    return job.id


def test_a_dead_letter_is_shown_with_what_is_known_of_it(admin: httpx.Client, stack: Services) -> None:
    job_id = given_up(stack, correlation_id="request-1")
    shown = admin.get(f"{URL}/{job_id}").json()
    assert (shown["lane"], shown["queue"], shown["name"], shown["attempts"]) == ("light", "email", "email.send", 4)
    assert shown["error"] == {"code": "provider_unavailable", "message": "gone"}
    assert set(shown["payload"]) == {"message_id"}
    assert (shown["traceback"], shown["correlation_id"], shown["resolved_at"]) == ("Traceback ...", "request-1", None)


def test_the_list_is_filtered_and_leaves_payloads_out(admin: httpx.Client, stack: Services) -> None:
    code = f"code_{uuid4().hex[:8]}"
    ids = {str(given_up(stack, error_code=code)) for _ in range(3)}
    first = admin.get(URL, params={"code": code, "limit": 2, "lane": "light", "queue": "email", "resolved": "false"})
    items = first.json()["items"]
    rest = admin.get(URL, params={"code": code, "limit": 2, "cursor": first.json()["next_cursor"]}).json()
    assert {item["id"] for item in items + rest["items"]} == ids
    assert rest["next_cursor"] is None
    assert not any({"payload", "traceback"} & set(item) for item in items)
    for empty in ({"lane": "heavy"}, {"queue": "sms"}, {"resolved": "true"}):
        assert admin.get(URL, params={"code": code, **empty}).json()["items"] == []


def test_a_requeued_dead_letter_is_queued_once_however_often_it_is_asked_for(
    admin: httpx.Client, stack: Services
) -> None:
    job_id = given_up(stack)
    answers = [admin.post(f"{URL}/{job_id}/requeue") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].headers["location"] == f"{URL}/{job_id}"
    assert {answer.json()["resolution"] for answer in answers} == {"requeued"}
    with stack.database.read() as session:
        job = session.get_one(JobRow, job_id)
        message = session.get_one(MessageRow, UUID(job.payload["message_id"]))
    assert (job.status, job.attempt, job.finished_at) == (JobStatus.QUEUED, 0, None)
    assert (message.status, message.error_code) == (MessageStatus.QUEUED, None)


def test_those_that_fit_are_requeued_together(admin: httpx.Client, stack: Services) -> None:
    code = f"code_{uuid4().hex[:8]}"
    for _ in range(3):
        given_up(stack, error_code=code)
    done = admin.post(f"{URL}/requeue", json={"code": code}).json()
    assert done == {"requeued": 3, "refused": 0, "remaining": 0}
    assert admin.post(f"{URL}/requeue", json={"code": code}).json()["requeued"] == 0


def test_a_resolved_dead_letter_keeps_its_first_note_and_stays(admin: httpx.Client, stack: Services) -> None:
    job_id = given_up(stack)
    for note in ("called them", "again"):
        answer = admin.post(f"{URL}/{job_id}/resolve", json={"note": note})
        assert (answer.status_code, answer.json()["note"]) == (200, "called them")
    refused = admin.post(f"{URL}/{job_id}/requeue")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_requeueable")


def test_what_was_requeued_is_not_resolved(admin: httpx.Client, stack: Services) -> None:
    job_id = given_up(stack)
    admin.post(f"{URL}/{job_id}/requeue")
    answer = admin.post(f"{URL}/{job_id}/resolve", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("job_status", [JobStatus.SUCCEEDED, JobStatus.RUNNING])
def test_a_job_that_did_not_fail_is_not_requeued(admin: httpx.Client, stack: Services, job_status: JobStatus) -> None:
    job_id = given_up(stack)
    with stack.database.write() as work:
        work.session.get_one(JobRow, job_id).status = job_status
    answer = admin.post(f"{URL}/{job_id}/requeue")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_requeueable")
    with stack.database.read() as session:
        assert session.get_one(DeadLetter, job_id).resolved_at is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", f"/{uuid4()}", None),
        ("POST", f"/{uuid4()}/requeue", None),
        ("POST", f"/{uuid4()}/resolve", {}),
        ("POST", "/requeue", {}),
    ],
)
def test_only_admins_get_in(
    client: httpx.Client, anonymous: httpx.Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert client.request(method, URL + path, json=body).status_code == 403
    assert anonymous.request(method, URL + path, json=body).status_code == 401


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/requeue"), ("POST", "/resolve")])
def test_an_unknown_one_is_not_found(admin: httpx.Client, method: str, path: str) -> None:
    for unknown in (uuid4(), "nonsense"):
        answer = admin.request(method, f"{URL}/{unknown}{path}", json={} if path == "/resolve" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [{"lane": "fast"}, {"queue": "a b"}, {"code": "x" * 61}, {"cursor": "x"}, {"limit": "0"}, {"state": "open"}],
)
def test_a_wrong_filter_is_refused(admin: httpx.Client, query: dict[str, str]) -> None:
    assert admin.get(URL, params=query).status_code == 422


@pytest.mark.parametrize("body", [{"note": "x" * 1001}, {"note": "a\x00b"}, {"because": "x"}, {"note": 1}])
def test_a_wrong_note_is_refused(admin: httpx.Client, stack: Services, body: dict[str, Any]) -> None:
    assert admin.post(f"{URL}/{given_up(stack)}/resolve", json=body).status_code == 422


def test_a_user_learns_nothing_of_what_is_going_on(client: httpx.Client, connect: Connect) -> None:
    assert client.get("/v1/monitoring/stats").status_code == 403
    assert connect(None).get("/v1/monitoring/stats").status_code == 401


def test_what_is_going_on_is_told_without_a_broker(admin: httpx.Client, stack: Services) -> None:
    before = admin.get("/v1/monitoring/stats").json()
    given_up(stack)
    for _ in range(5):
        stack.circuits.failed("provider:test", "it says no")
    answer = admin.get("/v1/monitoring/stats").json()
    assert answer["fleets"] is None
    assert answer["dead_letters"]["open"] == before["dead_letters"]["open"] + 1
    assert answer["dead_letters"]["by_lane"].keys() == {"light", "heavy"}
    [circuit] = [circuit for circuit in answer["circuits"] if circuit["name"] == "provider:test"]
    assert (circuit["state"], circuit["failures"], circuit["last_error"]) == ("open", 5, "it says no")
    assert answer["light_lane"].keys() == {"email", "bulk_email", "sms", "notify", "webhook"}
    assert answer["messages_24h"]["email"]["failed"] >= 1
