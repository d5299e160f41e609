"""The HTTP API as a Python object: sends files, follows documents, fetches results; see `/docs` of a running API."""

from __future__ import annotations

import mimetypes
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from shared import media
from shared.config import MIB

Json = dict[str, Any]
Options = Mapping[str, str | int | bool]

FINAL = frozenset({"completed", "partial", "failed", "cancelled"})
MAX_WAIT = 20
_DIRECT_BYTES = 4 * MIB
_ATTEMPTS = 6
_LONGEST_PAUSE = 30.0
_CONNECT_SECONDS = 5.0
_HEALTH_SECONDS = 10.0
# A storage server may take long to acknowledge the last byte of a large file.
_TIMEOUT = httpx.Timeout(60.0, connect=_CONNECT_SECONDS)
_RETRIED = frozenset({429, 502, 503, 504})
_TOO_LARGE = 413
_PAGE = 200


class ApiError(Exception):
    """The API said no, or nothing: `detail` is a sentence, `code` the API's or `unreachable`, `unexpected_answer`."""

    def __init__(self, detail: str, code: str, status: int | None = None) -> None:
        super().__init__(f"{detail} ({code})")
        self.detail = detail
        self.code = code
        self.status = status


class Client:
    """One API at `url`, spoken to with `key`. Safe to use from several threads.

    Requests are tried up to six times on 429 and 502-504 answers, as long apart as `Retry-After` asks, and on
    broken connections: what creates something carries an idempotency key, so nothing is made twice.

    Args:
        url: where the API is, without `/v1`.
        key: an API key, or None for the health checks alone.
        sleep: how to wait between attempts, in seconds.
    """

    def __init__(self, url: str, key: str | None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._api = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT)
        # Storage authenticates by what is in the URL or form; our key is none of its business.
        self._storage = httpx.Client(timeout=_TIMEOUT)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._storage.close()

    def submit(self, file: Path, options: Options) -> tuple[Json, bool]:
        """Send `file` to be read.

        Small files go in one request; larger ones, or those the API finds too large for that, go to storage by a
        presigned form. Neither is held in memory.

        Returns:
            The document, and whether it had been read or sent before (same bytes, same options).

        Raises:
            ApiError: refused, or unreachable.
            OSError: `file` can't be read.
        """
        if file.stat().st_size <= _DIRECT_BYTES:
            try:
                return self._submit_directly(file, options)
            except ApiError as error:
                if error.status != _TOO_LARGE:
                    raise
        return self._submit_through_storage(file, options), False

    def document(self, document_id: str, wait: int = 0) -> Json:
        """The document; with `wait` (seconds, at most 20) the answer comes when it is final, or then."""
        read_timeout = httpx.Timeout(_TIMEOUT.read or 0, connect=_CONNECT_SECONDS, read=wait + 30.0)
        params = {"wait": wait} if wait else {}
        return self._json("GET", f"/v1/documents/{document_id}", params=params, timeout=read_timeout)

    def documents(self, limit: int) -> list[Json]:
        """The latest `limit` (1-200) documents of the account, newest first."""
        items: list[Json] = self._json("GET", "/v1/documents", params={"limit": limit})["items"]
        return items

    def cost(self, document_id: str) -> Json:
        """What a document took and cost."""
        return self._json("GET", f"/v1/documents/{document_id}/cost")

    @contextmanager
    def result(self, document_id: str, form: str) -> Iterator[Iterator[bytes]]:
        """The result of a document as chunks of bytes; `form` is one of `shared.values.ResultFormat`.

        A redirect to storage is followed without our key.
        """
        path = f"/v1/documents/{document_id}/result"
        answer = self._send(self._api, "GET", path, stream=True, params={"format": form})
        if answer.is_redirect:
            target = answer.headers["location"]
            answer.close()
            answer = self._send(self._storage, "GET", target, stream=True)
        try:
            yield answer.iter_bytes()
        finally:
            answer.close()

    def invoice(self, document_id: str) -> Json:
        """The fields of a document that was read, as soon as they were looked for."""
        path = f"/v1/documents/{document_id}/invoice"
        timeout = httpx.Timeout(_TIMEOUT.read or 0, connect=_CONNECT_SECONDS, read=MAX_WAIT + 30.0)
        while True:
            asked = time.monotonic()
            try:
                return self._json("GET", path, params={"wait": MAX_WAIT}, timeout=timeout)
            except ApiError as error:
                if error.code != "not_final":
                    raise
            # A server that does not hold the question is not asked in a rush.
            self._sleep(max(1 - (time.monotonic() - asked), 0))

    def dead_letters(self, limit: int, **which: str) -> list[Json]:
        """The dead letters that fit, the newest failure first, `limit` at most; `which` as `GET /v1/dlq` takes it."""
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while len(found) < limit:
            params = {"limit": str(min(limit - len(found), _PAGE)), **which, **cursor}
            answer = self._json("GET", "/v1/dlq", params=params)
            found += answer["items"]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        return found

    def dead_letter(self, letter_id: str) -> Json:
        """One dead letter with its payload and traceback."""
        return self._json("GET", f"/v1/dlq/{letter_id}")

    def requeue(self, letter_id: str) -> Json:
        """Put one dead letter back; safe to repeat."""
        return self._json("POST", f"/v1/dlq/{letter_id}/requeue")

    def requeue_all(self, **which: str) -> Json:
        """Put back the dead letters that fit, 500 at most: `{requeued, refused, remaining}`."""
        return self._json("POST", "/v1/dlq/requeue", json=which)

    def resolve(self, letter_id: str, note: str) -> Json:
        """Settle one dead letter."""
        return self._json("POST", f"/v1/dlq/{letter_id}/resolve", json={"note": note})

    def health(self, name: str) -> Json:
        """What `/health/NAME` (`live`, `ready`, `celery`) answers, healthy or not."""
        try:
            answer = self._api.get(f"/health/{name}", timeout=_HEALTH_SECONDS)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        try:
            body = answer.json()
        except ValueError:
            body = {}
        return {**body, "http_status": answer.status_code}

    def _submit_directly(self, file: Path, options: Options) -> tuple[Json, bool]:
        """One multipart request."""
        form = {name: _form_value(value) for name, value in options.items()}
        with file.open("rb") as stream:
            files = {"file": (file.name, stream, _media_type(file))}
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            answer = self._send(self._api, "POST", "/v1/documents", data=form, files=files, headers=headers)
        return answer.json(), answer.status_code == httpx.codes.OK

    def _submit_through_storage(self, file: Path, options: Options) -> Json:
        """Announce the file, then post it to the storage the API names."""
        announced = {
            "filename": file.name,
            "media_type": _media_type(file),
            "size_bytes": file.stat().st_size,
            # What goes through storage is always read anew.
            **{name: value for name, value in options.items() if name != "force"},
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        place = self._json("POST", "/v1/uploads", json=announced, headers=headers)
        upload = place["upload"]
        with file.open("rb") as stream:
            files = {"file": (file.name, stream, _media_type(file))}
            self._send(self._storage, "POST", upload["url"], data=upload["fields"], files=files)
        return self.document(place["document_id"])

    def _json(self, method: str, path: str, **request: Any) -> Json:
        """Send a request to the API and read its JSON answer."""
        answer = self._send(self._api, method, path, **request)
        try:
            body: Json = answer.json()
        except ValueError as error:
            raise ApiError(f"{answer.url} answered something that is not JSON", "unexpected_answer") from error
        return body

    def _send(
        self, client: httpx.Client, method: str, url: str, *, stream: bool = False, **request: Any
    ) -> httpx.Response:
        """Send one request until it is answered for good; errors become `ApiError`."""
        for attempt in range(1, _ATTEMPTS + 1):
            _rewind(request)
            try:
                answer = client.send(client.build_request(method, url, **request), stream=stream)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS or isinstance(error, httpx.ConnectError):
                    raise self._unreachable(error) from error
                pause = _pause(attempt, None)
            else:
                if answer.is_success or answer.is_redirect:
                    return answer
                problem = _problem(answer)
                if attempt == _ATTEMPTS or not _passing(problem):
                    raise problem
                pause = _pause(attempt, answer.headers.get("retry-after"))
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: httpx.TransportError) -> ApiError:
        """No answer at all."""
        reason = "it took too long" if isinstance(error, httpx.TimeoutException) else str(error) or "no connection"
        host = error.request.url.copy_with(path="/", query=None)
        return ApiError(f"no answer from {host}: {reason}", "unreachable")


def _rewind(request: Mapping[str, Any]) -> None:
    """Begin the request's file again: an earlier attempt may have read it."""
    for _, stream, _ in request.get("files", {}).values():
        stream.seek(0)


def _passing(problem: ApiError) -> bool:
    """Whether trying again later can help."""
    return problem.status in _RETRIED or problem.code in {"request_in_progress", "output_in_progress"}


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds before the next attempt: what the server asks for, else 0.5, 1, 2, ...; at most half a minute."""
    wanted = float(retry_after) if retry_after and retry_after.isdecimal() else 0.25 * 2.0**attempt
    return min(wanted, _LONGEST_PAUSE)


def _problem(answer: httpx.Response) -> ApiError:
    """The error an answer carries: problem+json of ours, XML of a storage server, or anything else."""
    answer.read()
    try:
        body = answer.json()
        detail, code = str(body["detail"]), str(body["code"])
    except (ValueError, KeyError, TypeError):
        where = answer.request.url.host
        text = " ".join(answer.text.split())[:200]
        detail, code = f"{where} answered {answer.status_code}: {text}", "unexpected_answer"
    return ApiError(detail, code, answer.status_code)


def _media_type(file: Path) -> str:
    """The media type by the first bytes, which is what the API goes by, else by the name."""
    with file.open("rb") as stream:
        head = stream.read(media.HEAD_BYTES)
    return media.sniff(head) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _form_value(value: str | int | bool) -> str:  # noqa: FBT001 - an option's value, not a switch
    """An option as a form field."""
    return str(value).lower() if isinstance(value, bool) else str(value)
