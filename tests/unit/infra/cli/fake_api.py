"""A small server that speaks the documents part of the HTTP contract, and a storage server beside it.

What becomes of a document is told by its file's name: `fails*`, `partial*`; anything else is completed. Every question
after a document reads one more of its two pages, and one with `wait` both.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import UploadFile

KEY = "test-key"
PAGES = 2
ENDINGS = {
    "fails": ("failed", {"code": "corrupt_file", "message": "The file is damaged."}),
    "partial": ("partial", {"code": "page_timeout", "message": "Page 2 took too long."}),
}


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a free port of this machine; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def problem(status: int, code: str, detail: str, **headers: str) -> JSONResponse:
    """An RFC 9457 answer."""
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def not_ready(field: str, message: str) -> tuple[int, dict[str, Any]]:
    """What a failing health check answers."""
    errors = [{"field": field, "message": message}]
    return 503, {"status": 503, "code": "not_ready", "detail": f"Not ready. {field}: {message}.", "errors": errors}


class FakeApi:
    """Both servers and what they saw.

    Attributes:
        url: of the API.
        storage_url: of the storage.
        script: answers given, first to last, instead of what would be answered otherwise.
        storage_script: the same for the storage.
        options: the form fields or JSON of every accepted submission.
        keys_seen_by_storage: `Authorization` headers that reached the storage; must stay empty.
        max_direct: bytes above which a direct upload is refused.
        texts: what a document says, by file name.
        results_in_storage: whether results are redirects.
        results_in_progress: how often a result is still being made when it is asked for.
        invoices_in_progress: how often fields are still being looked for when they are asked for.
        invoice: what was found in every document.
        health: what the health checks answer, by name.
    """

    def __init__(self) -> None:
        self.url = ""
        self.storage_url = ""
        self.script: deque[Response] = deque()
        self.storage_script: deque[Response] = deque()
        self.documents: dict[str, dict[str, Any]] = {}
        self.options: list[dict[str, Any]] = []
        self.idempotency_keys: list[str | None] = []
        self.stored: dict[str, bytes] = {}
        self.keys_seen_by_storage: list[str] = []
        self.max_direct = 4 * 1024 * 1024
        self.texts: dict[str, str] = {}
        self.results_in_storage = False
        self.results_in_progress = 0
        self.invoices_in_progress = 0
        self.invoice: dict[str, Any] = {"error": None}
        self.never_final = False
        self.asked = threading.Event()
        self.health: dict[str, tuple[int, dict[str, Any]]] = {
            "live": (200, {"status": "ok", "version": "0.1.0"}),
            "ready": (200, {"status": "ok", "version": "0.1.0"}),
            "celery": (200, {"status": "ok", "version": "0.1.0", "workers": ["ocr@host"]}),
        }

    @contextmanager
    def running(self) -> Iterator[FakeApi]:
        """Serve both."""
        with serve(self._storage()) as self.storage_url, serve(self._api()) as self.url:
            yield self

    def add(self, filename: str, content: bytes = b"", status: str = "queued") -> dict[str, Any]:
        """A new document."""
        document = {
            "id": str(uuid.uuid4()),
            "status": status,
            "filename": filename,
            "sha256": hashlib.sha256(content).hexdigest(),
            "progress": {"pages_done": 0, "pages_total": None},
            "confidence": None,
            "error": None,
            "text_source": None,
            "created_at": "2025-11-20T10:00:00Z",
            "started_at": None,
            "completed_at": None,
        }
        self.documents[str(document["id"])] = document
        return document

    def advance(self, document: dict[str, Any]) -> None:
        """One page more is read; the last one makes the document final."""
        done = document["progress"]["pages_done"] + 1
        if self.never_final or document["status"] not in {"queued", "processing"}:
            return
        document.update(status="processing", progress={"pages_done": done, "pages_total": PAGES})
        if done == PAGES:
            kind = document["filename"].split("-")[0].split(".")[0]
            status, error = ENDINGS.get(kind, ("completed", None))
            document.update(status=status, error=error, confidence=0.97, completed_at="2025-11-20T10:00:03Z")

    def _api(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._guard)
        app.post("/v1/documents")(self._submit)
        app.post("/v1/uploads")(self._announce)
        app.get("/v1/documents")(self._list)
        app.get("/v1/documents/{document_id}")(self._show)
        app.get("/v1/documents/{document_id}/cost")(self._cost)
        app.get("/v1/documents/{document_id}/invoice")(self._invoice)
        app.get("/v1/documents/{document_id}/result")(self._result_or_redirect)
        app.get("/health/{name}")(self._health)
        return app

    def _invoice(self, document_id: str) -> Response:
        if self.invoices_in_progress:
            self.invoices_in_progress -= 1
            return problem(409, "not_final", "The fields are being looked for.")
        return JSONResponse({"document_id": document_id, **self.invoice})

    def _storage(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._watch)
        app.post("/bucket")(self._store)
        app.get("/results/{document_id}")(self._result)
        return app

    async def _guard(self, request: Request, call_next: Any) -> Any:
        if self.script:
            await request.body()
            return self.script.popleft()
        open_to_all = request.url.path.startswith("/health")
        if not open_to_all and request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "unauthorized", "That API key is not known.")
        return await call_next(request)

    async def _submit(self, request: Request) -> Response:
        filename, content, fields = await _read_form(request)
        if len(content) > self.max_direct:
            return problem(413, "file_too_large", "Larger than a direct upload may be.")
        self.options.append(fields)
        self.idempotency_keys.append(request.headers.get("idempotency-key"))
        digest = hashlib.sha256(content).hexdigest()
        for document in self.documents.values():
            if document["sha256"] == digest and fields.get("force") != "true":
                return JSONResponse(document, 200)
        return JSONResponse(self.add(filename, content), 202)

    async def _announce(self, request: Request) -> Response:
        announced = await request.json()
        self.options.append(announced)
        document = self.add(announced["filename"], status="awaiting_upload")
        upload = {"url": f"{self.storage_url}/bucket", "fields": {"key": document["id"], "policy": "signed"}}
        body = {"document_id": document["id"], "upload": upload, "expires_at": "2025-11-20T11:00:00Z"}
        return JSONResponse(body, 201)

    def _show(self, document_id: str, wait: int = 0) -> Response:
        document = self.documents.get(document_id)
        if document is None:
            return problem(404, "not_found", "There is no such document.")
        self.asked.set()
        for _ in range(PAGES if wait else 1):
            self.advance(document)
        return JSONResponse(document)

    def _cost(self, document_id: str) -> Response:
        if document_id not in self.documents:
            return problem(404, "not_found", "There is no such document.")
        dollars = {"cpu": 0.00002, "memory": 0.000001, "engines": 0.0015, "extraction": 0, "total": 0.001521}
        pages = [
            {"source": "ocr", "engine": "textract", "reused": False, "pages": 1, "cpu_seconds": 1.5},
            {"source": "text_layer", "engine": None, "reused": True, "pages": 3, "cpu_seconds": 0},
        ]
        receipt = {"cpu_seconds": 1.5, "peak_memory_mb": 220.4, "pages": pages, "engine_calls": {"textract": 2}}
        return JSONResponse({**receipt, "dollars": dollars, "textract_dollars": 0.006})

    def _list(self, limit: int) -> dict[str, Any]:
        return {"items": list(self.documents.values())[::-1][:limit], "next_cursor": None}

    def _result_or_redirect(self, document_id: str, format: str) -> Response:  # noqa: A002 - its public name
        if self.results_in_progress:
            self.results_in_progress -= 1
            return problem(409, "output_in_progress", "It is being made.", **{"Retry-After": "0"})
        if self.results_in_storage:
            return RedirectResponse(f"{self.storage_url}/results/{document_id}?format={format}", 307)
        return self._result(document_id, format)

    def _health(self, name: str) -> Response:
        status, body = self.health[name]
        return JSONResponse(body, status)

    async def _watch(self, request: Request, call_next: Any) -> Any:
        if key := request.headers.get("authorization"):
            self.keys_seen_by_storage.append(key)
        if self.storage_script:
            await request.body()
            return self.storage_script.popleft()
        return await call_next(request)

    async def _store(self, request: Request) -> Response:
        _, content, fields = await _read_form(request)
        self.stored[fields["key"]] = content
        self.documents[fields["key"]]["status"] = "queued"
        return Response(status_code=204)

    def _result(self, document_id: str, format: str) -> Response:  # noqa: A002 - its public name
        document = self.documents[document_id]
        made_up = "\f".join(f"Page {number} of {document['filename']}" for number in range(1, PAGES + 1))
        texts = self.texts.get(document["filename"], made_up).split("\f")
        if format == "text":
            return Response("\f".join(texts), media_type="text/plain")
        pages = [{"number": number, "text": text, "source": "ocr"} for number, text in enumerate(texts, 1)]
        return JSONResponse({"document": document, "pages": pages})


async def _read_form(request: Request) -> tuple[str, bytes, dict[str, str]]:
    """The file's name and content, and the other fields; S3 ignores fields after the file, so it must be the last."""
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        assert list(form)[-1] == "file"
        fields = {name: str(value) for name, value in form.items() if name != "file"}
        return file.filename or "", await file.read(), fields
