"""The application: `create_app()` wires it; importing this module does nothing."""

from __future__ import annotations

import logging

from fastapi import FastAPI

from functions.api import VERSION, errors, openapi
from functions.api.middleware import BodyLimit, RequestContext, RequestIdFilter
from functions.api.routes import documents, health, keys, pages, results, uploads
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
        generate_unique_id_function=lambda route: route.name,
    )
    errors.install(app)
    app.add_middleware(BodyLimit, max_file_bytes=settings.max_direct_bytes)
    app.add_middleware(RequestContext)
    for routes in (documents, uploads, pages, results, keys, health):
        app.include_router(routes.router)
    openapi.install(app)
    _wire()
    return app


def _wire() -> None:
    """Make the clients now, though nothing connects yet: the first request would spend 0.2 seconds on it."""
    wired = services()
    for name in ("submission", "documents", "broker", "keys", "idempotency"):
        getattr(wired, name)
