"""Documents and what is made of them."""

# ruff: noqa: PLC0415  # each service's code comes with the service, as `shared.bootstrap` says

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.connections import Connections
from shared.config import Limits

if TYPE_CHECKING:
    from shared.services.batches import Batches
    from shared.services.costs import Costs
    from shared.services.documents import Documents
    from shared.services.engines import Engines
    from shared.services.expectations import Expectations
    from shared.services.expiry import Expiry
    from shared.services.extractions import Extractions
    from shared.services.ledger import Ledger
    from shared.services.outputs import Outputs
    from shared.services.quotes import Quotes
    from shared.services.reuse import Reuse
    from shared.services.submission import Submission


class DocumentServices(Connections):
    """Documents and what is made of them."""

    @cached_property
    def engines(self) -> Engines:
        """The register of engines."""
        from shared.services.engines import Engines

        return Engines(self.database)

    @cached_property
    def submission(self) -> Submission:
        """The way in."""
        from shared.services.submission import Submission

        return Submission(self.database, self.store, self.engines, Limits(), self._guard)

    @cached_property
    def batches(self) -> Batches:
        """Batches of documents."""
        from shared.services.batches import Batches
        from shared.services.rereading import Rereading

        rereading = Rereading(self.database, self.store, self.submission, self.engines)
        return Batches(self.database, self.submission, rereading, self.engines, self._guard)

    @cached_property
    def costs(self) -> Costs:
        """What reading took and cost."""
        from shared.services.costs import Costs, Tariff

        return Costs(self.database, Tariff.configured())

    @cached_property
    def quotes(self) -> Quotes:
        """What reading would take and cost."""
        from shared.services.quotes import Quotes

        return Quotes(self.database, self.store, self.engines, Limits())

    @cached_property
    def expectations(self) -> Expectations:
        """What quotes are reckoned from."""
        from shared.services.costs import Tariff
        from shared.services.expectations import Expectations

        return Expectations(self.database, Tariff.configured())

    @cached_property
    def documents(self) -> Documents:
        """Documents of an account."""
        from shared.services.documents import Documents

        return Documents(self.database, self.store)

    @cached_property
    def reuse(self) -> Reuse:
        """Pages that were read before."""
        from shared.services.reuse import Reuse

        return Reuse(self.database, self.store)

    @cached_property
    def outputs(self) -> Outputs:
        """Outputs of documents."""
        from shared.services.outputs import Outputs

        return Outputs(self.database, self.store)

    @cached_property
    def ledger(self) -> Ledger:
        """The page ledger."""
        from shared.services.ledger import Ledger

        return Ledger(self.database)

    @cached_property
    def extractions(self) -> Extractions:
        """Fields of invoices and receipts."""
        from shared.services.extractions import Extractions

        return Extractions(self.database)

    @cached_property
    def expiry(self) -> Expiry:
        """Documents that are kept no longer."""
        from shared.services.expiry import Expiry

        return Expiry(self.database)
