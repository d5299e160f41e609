"""Maintenance jobs; declarations only."""

from __future__ import annotations

import logging

from shared.contracts import ExpireDocuments, Ping
from shared.models import utcnow
from workers.job import Run, job

log = logging.getLogger(__name__)


@job(ExpireDocuments)
def expire_documents(message: ExpireDocuments, run: Run) -> None:
    """Remove the documents that their accounts keep no longer."""
    del message
    gone = run.services.expiry.expire(utcnow(), run.services.documents.delete, run.check)
    log.info("documents expired", extra={"documents": gone})


@job(Ping, time_limit=60)
def ping(message: Ping, run: Run) -> None:
    """Do nothing: the way there and back is the point."""
    del message, run
