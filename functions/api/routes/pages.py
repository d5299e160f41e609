"""Pages, while the rest of the document is still being read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api.deps import CallerDep
from functions.api.openapi import problems
from functions.api.schemas import PageList, PageOut, PageQuery
from shared.bootstrap import services
from shared.config import MIB

if TYPE_CHECKING:
    from shared.models import Page

router = APIRouter(prefix="/v1/documents", tags=["documents"])

ANSWER_BYTES = 4 * MIB
"""What one answer may have; a Lambda answer holds 6 MB, quotation marks escaped."""


@router.get("/{document_id}/pages", response_model=PageList, responses=problems(401, 404, 422))
def list_pages(caller: CallerDep, document_id: UUID, query: Annotated[PageQuery, Query()]) -> Response:
    """List the pages that are done or failed, in order of their number.

    Several workers read a long document: while it is being read there may be gaps, which close later. To miss none, go
    on from the last page before a gap.
    """
    rows = services().documents.pages(caller.account_id, document_id, query.after, query.limit + 1)
    shown = _that_fit(rows[: query.limit], words=query.words)
    cursor = f'"{rows[len(shown) - 1].number}"' if len(shown) < len(rows) else "null"
    items = b",".join(_with_words(page, row) if query.words else page for page, row in zip(shown, rows, strict=False))
    return Response(b'{"items":[%b],"next_cursor":%b}' % (items, cursor.encode()), media_type="application/json")


def _that_fit(rows: Sequence[Page], *, words: bool) -> list[bytes]:
    """Render pages without their words, as many as fit into one answer with them; one at least."""
    shown: list[bytes] = []
    total = 0
    for row in rows:
        page = PageOut.of(row).model_dump_json().encode()
        total += len(page) + ((row.words_length or 0) if words else 0)
        if shown and total > ANSWER_BYTES:
            break
        shown.append(page)
    return shown


def _with_words(page: bytes, row: Page) -> bytes:
    """Splice the words in as the bytes they are stored as: parsing them only to write them again takes the time."""
    return page[:-1] + b',"words":' + services().documents.words(row) + b"}"
