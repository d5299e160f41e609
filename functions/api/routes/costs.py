"""What a document cost."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from functions.api.answers import json_answer
from functions.api.cost_schemas import CostOut
from functions.api.deps import CallerDep
from functions.api.openapi import problems
from shared.bootstrap import services

router = APIRouter(prefix="/v1/documents", tags=["documents"])


@router.get("/{document_id}/cost", response_model=CostOut, responses=problems(401, 404))
def get_cost(caller: CallerDep, document_id: UUID) -> Response:
    """See what a document took and cost so far, beside what AWS Textract would have cost."""
    return json_answer(CostOut.of(services().costs.receipt(caller.account_id, document_id)))
