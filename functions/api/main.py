"""The application: `create_app()` wires it; importing this module does nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from functions.api import VERSION, errors, openapi
from functions.api.middleware import BodyLimit, RequestContext, RequestIdFilter
from functions.api.routes import (
    account,
    batches,
    costs,
    dlq,
    documents,
    emails,
    health,
    invoice,
    keys,
    messages,
    monitoring,
    notifications,
    pages,
    quotes,
    results,
    sms,
    suppressions,
    unsubscribe,
    uploads,
    webhooks,
)
from shared import log
from shared.bootstrap import services
from shared.config import ApiSettings, load

DESCRIPTION = """Reads documents: send an image or PDF, get its text.

Errors are problem documents (RFC 9457) with a stable `code`. Lists answer `items` and `next_cursor`; give that as
`cursor` to go on. Times are RFC 3339, UTC. Every answer carries `X-Request-ID`; send one to choose it."""


def create_app() -> FastAPI:
    """Build the application from the environment.

    Raises:
        ConfigurationError: naming each variable that is missing or malformed.
    """
    settings = load(ApiSettings, "The API")
    log.configure(settings.log_level)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RequestIdFilter())
    app = FastAPI(
        title="Twolane",
        version=VERSION,
        description=DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_wired,
        generate_unique_id_function=lambda route: route.name,
    )
    errors.install(app)
    app.add_middleware(BodyLimit, max_file_bytes=settings.max_direct_bytes)
    app.add_middleware(RequestContext)
    for routes in (
        documents,
        uploads,
        batches,
        quotes,
        pages,
        results,
        invoice,
        costs,
        emails,
        sms,
        notifications,
        messages,
        suppressions,
        unsubscribe,
        account,
        keys,
        webhooks,
        dlq,
        monitoring,
        health,
    ):
        app.include_router(routes.router)
    openapi.install(app)
    return app


@asynccontextmanager
async def _wired(_app: FastAPI) -> AsyncIterator[None]:
    """Make the clients when a server starts, though nothing connects yet: its first request would wait for them.

    On Lambda there is no such start: with SnapStart it is the snapshot (see `snapshot`), else each comes when needed.
    """
    for name in ("submission", "documents", "broker", "keys", "idempotency"):
        getattr(services(), name)
    services().store.open()
    yield
