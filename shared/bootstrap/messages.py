"""Mail, text messages, notifications, webhooks."""

# ruff: noqa: PLC0415  # each service's code comes with the service, as `shared.bootstrap` says

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap.connections import Connections
from shared.config import Mail, Outbound, Signing, Sms

if TYPE_CHECKING:
    from shared.services.alerts import Alerts
    from shared.services.deliveries import Deliveries
    from shared.services.delivery_log import DeliveryLog
    from shared.services.digests import Digests
    from shared.services.emails import Emails
    from shared.services.enclosures import Enclosures
    from shared.services.fan_out import FanOut
    from shared.services.feedback import Recorder
    from shared.services.messages import Messages
    from shared.services.notifications import Notifications
    from shared.services.sending_mail import SendingMail, Transport
    from shared.services.sms import TextMessages
    from shared.services.suppressions import Suppressions
    from shared.services.unsubscribing import Unsubscribing
    from shared.services.webhooks import Webhooks


class MessageServices(Connections):
    """Mail, text messages, notifications, webhooks."""

    @cached_property
    def sms(self) -> TextMessages:
        """Text messages."""
        from shared.adapters.sns import Sns
        from shared.services.sms import TextMessages

        settings = Sms()
        return TextMessages(self.database, Sns(settings.sms_sender_id), settings)

    @cached_property
    def notifications(self) -> Notifications:
        """Notifications and inboxes."""
        from shared.services.notifications import Notifications

        return Notifications(self.database, self.sms, mails=Mail().mail_from is not None)

    @cached_property
    def digests(self) -> Digests:
        """Mail by the week and by the month."""
        from shared.services.digests import Digests

        return Digests(self.database, Mail())

    @cached_property
    def alerts(self) -> Alerts:
        """Mail to who operates this."""
        from shared.services.alerts import Alerts

        return Alerts(self.database, Mail(), self.doze)

    @cached_property
    def _enclosures(self) -> Enclosures:
        """What is attached to mails."""
        from shared.services.enclosures import Enclosures

        return Enclosures(self.database, self.store)

    @cached_property
    def emails(self) -> Emails:
        """Mail, as it is accepted."""
        from shared.services.emails import Emails

        return Emails(self.database, self._enclosures, Mail())

    @cached_property
    def sending_mail(self) -> SendingMail:
        """Mail, as it is sent."""
        from shared.services.sending_mail import SendingMail

        signs = Signing().public_url and Signing().signing_secret_arn
        link = self._unsubscribe_link if signs else None
        return SendingMail(self.database, self._enclosures, self._transport(), Mail(), link)

    @staticmethod
    def _transport() -> Transport:
        """What mail leaves through: a mail server where one is named, else SES."""
        settings = Mail()
        if settings.smtp_url:
            from shared.adapters.smtp import Smtp

            return Smtp(settings.smtp_url)
        from shared.adapters.ses import Ses

        return Ses(settings.ses_configuration_set)

    def _unsubscribe_link(self, address: str) -> str:
        """The link that ends bulk mail to an address."""
        from shared.services.unsubscribing import link

        return link(self.signing_key, Signing().public_url or "", address)

    @cached_property
    def unsubscribing(self) -> Unsubscribing:
        """Links that end bulk mail."""
        from shared.services.unsubscribing import Unsubscribing

        return Unsubscribing(self.database, (lambda: self.signing_key) if Signing().signing_secret_arn else None)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Who is written to no more."""
        from shared.services.suppressions import Suppressions

        return Suppressions(self.database)

    @cached_property
    def messages(self) -> Messages:
        """How far messages are."""
        from shared.services.messages import Messages

        return Messages(self.database)

    @cached_property
    def feedback(self) -> Recorder:
        """What becomes of mail after it left."""
        from shared.services.feedback import Recorder

        return Recorder(self.database)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Subscriptions."""
        from shared.services.webhooks import Webhooks

        return Webhooks(self.database, self._guard, lambda: self.signing_key)

    @cached_property
    def delivery_log(self) -> DeliveryLog:
        """What became of deliveries."""
        from shared.services.delivery_log import DeliveryLog

        return DeliveryLog(self.database)

    @cached_property
    def fan_out(self) -> FanOut:
        """From events to deliveries."""
        from shared.services.fan_out import FanOut

        return FanOut(self.database)

    @cached_property
    def deliveries(self) -> Deliveries:
        """The way of a delivery to its receiver."""
        from shared.adapters.outbound import Outbound as WayOut
        from shared.services.deliveries import Deliveries

        return Deliveries(self.database, self.circuits, WayOut(Outbound()), lambda: self.signing_key)
