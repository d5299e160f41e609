"""What leaves to people and to their servers: mail, text messages, webhooks, and the links in them."""

from __future__ import annotations

from pydantic import Field

from shared.config.addresses import Networks
from shared.config.base import Settings


class Mail(Settings):
    """How mail leaves.

    Attributes:
        mail_from: the sender, `Name <address>` or an address that SES may send as; without it no mail is sent.
        smtp_url: `smtp://[USER:PASSWORD@]HOST[:PORT]`, or `smtps://`, of a mail server that takes the place of SES;
            without a port 587, or 465.
        ses_configuration_set: of SES; bounces and complaints come back through it.
        mail_rate: mails a second, at most as many as the SES account may send; 0 does not hold them.
        admin_email: who is told of dead letters and of what is not well.
    """

    mail_from: str | None = None
    smtp_url: str | None = None
    ses_configuration_set: str | None = None
    mail_rate: float = Field(default=14, ge=0)
    admin_email: str | None = None


class Sms(Settings):
    """How text messages leave.

    Attributes:
        sms_enabled: whether they do.
        sms_sender_id: what recipients see, where their country allows it.
        sms_segment_dollars: what one segment is reckoned at.
        sms_monthly_dollars: what may be spent in a calendar month (UTC); beyond it nothing is sent.
    """

    sms_enabled: bool = False
    sms_sender_id: str | None = None
    sms_segment_dollars: float = Field(default=0.00645, ge=0)
    sms_monthly_dollars: float = Field(default=1.0, ge=0)


class Outbound(Settings):
    """What may be called from here.

    Attributes:
        outbound_allowed_networks: networks, by comma, that are called although they are private: a receiver beside
            the stack.
        outbound_timeout_seconds: for one delivery from the first packet to the last byte, redirects included.
    """

    outbound_allowed_networks: Networks = ""
    outbound_timeout_seconds: float = Field(default=10, gt=0)


class Signing(Settings):
    """Where the key lies that webhooks' secrets and unsubscribe links are derived from.

    Attributes:
        signing_secret_arn: a secret of Secrets Manager, `{"password": ...}`.
        public_url: where the API answers, for links in mails.
    """

    signing_secret_arn: str | None = None
    public_url: str | None = None


class App(Settings):
    """`APP_URL`: where the application before this service answers, which verifies addresses and resets passwords."""

    app_url: str | None = None
