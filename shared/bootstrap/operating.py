"""What keeps the service going and shows how it goes."""

# ruff: noqa: PLC0415  # each service's code comes with the service, as `shared.bootstrap` says

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.connections import Connections
from shared.config import Delivery, Retention

if TYPE_CHECKING:
    from shared.services.census import Census
    from shared.services.dead_letter_list import DeadLetters
    from shared.services.dead_messages import DeadMessages
    from shared.services.monitoring import Monitoring
    from shared.services.pruning import Pruning
    from shared.services.relay import Relay


class OperatingServices(Connections):
    """What keeps the service going and shows how it goes."""

    @cached_property
    def pruning(self) -> Pruning:
        """Whatever is over long ago."""
        from datetime import timedelta

        from shared.services.pruning import Pruning

        return Pruning(self.database, timedelta(days=Retention().retention_days))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The list of dead letters."""
        from shared.services.dead_letter_list import DeadLetters

        return DeadLetters(self.database, self.queues)

    @cached_property
    def dead_messages(self) -> DeadMessages:
        """What enters the list from dead-letter queues."""
        from shared.services.dead_messages import DeadMessages

        return DeadMessages(self.database, self.jobs)

    @cached_property
    def monitoring(self) -> Monitoring:
        """What is going on."""
        from shared.services.monitoring import Monitoring

        # Asked for late: the way to the broker may be what is missing, then that is told, and the rest as well.
        return Monitoring(self.database, lambda: self.broker.fleets(), self.circuits)  # noqa: PLW0108  # as said above

    @cached_property
    def relay(self) -> Relay:
        """The healer."""
        from shared.services.relay import Relay

        return Relay(self.database, self.jobs, Delivery(), self.broker.waiting, self.doze)

    @cached_property
    def census(self) -> Census:
        """Counts for the metrics."""
        from shared.services.census import Census

        return Census(self.database, self.broker, self.doze)
