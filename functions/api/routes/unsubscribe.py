"""Where the unsubscribe links of bulk mail lead: a page for people, one click for mail programs (RFC 8058)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Coroutine
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from functions.api.mail_schemas import UnsubscribeQuery
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.errors import InvalidToken

BROKEN = "This link is incomplete or none of ours; open it once more from the mail, whole."


class PageRoute(APIRoute):
    """A route whose links people open: what is wrong with one is said on a page, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer a link that is not ours with a page; faults of ours stay problem documents."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                return _page(_BROKEN, status=422)
            except InvalidToken as error:
                return _page(_BROKEN, status=error.status)

        return answer


router = APIRouter(prefix="/unsubscribe", tags=["messages"], route_class=PageRoute)

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#1c2733;"
    "background:#fff}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;color:#fff;"
    "background:#1f5fa8;cursor:pointer}button:focus-visible{outline:3px solid #f0a500}strong{overflow-wrap:anywhere}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    # Its own style, its own form, and nothing else.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_ASK = """<p>Shall <strong>{address}</strong> get no more newsletters and announcements from us?</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button></form>"""
_DONE = """<p><strong>{address}</strong> gets no more newsletters and announcements from us.</p>
<p>Mail that you ask for yourself, such as a password reset, still arrives.</p>"""


_BROKEN = f"<p>{escape(BROKEN)}</p>"


def _responses(meaning: str) -> dict[int | str, dict[str, Any]]:
    page: dict[str, Any] = {"description": "A page that says so: " + BROKEN, "content": {"text/html": {}}}
    return problems() | {200: {"description": meaning}, 403: page, 422: page}


@router.head("", include_in_schema=False)
@router.get("", response_class=HTMLResponse, responses=_responses("A page that asks."))
def ask_to_unsubscribe(query: Annotated[UnsubscribeQuery, Query()]) -> HTMLResponse:
    """Show a page with a button. Changes nothing: mail programs open links by themselves."""
    services().unsubscribing.check(query.address, query.token)
    return _page(_ASK, query.address)


@router.post("", response_class=HTMLResponse, responses=_responses("It is done."))
def unsubscribe(query: Annotated[UnsubscribeQuery, Query()]) -> HTMLResponse:
    """Send an address no more bulk mail; safe to repeat. The link's token is what allows it, no key is needed."""
    services().unsubscribing.unsubscribe(query.address, query.token)
    return _page(_DONE, query.address)


def _page(text: str, address: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Unsubscribe</h1>{text.format(address=escape(address))}</body></html>",
        status,
        headers=_HEADERS,
    )
