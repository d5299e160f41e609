"""Settings: small frozen groups read from the environment, checked when a process starts.

Each process asks for the groups it needs (`ApiSettings()`, `WorkerSettings()`, ...); a missing or malformed variable
is a start-up error that names it. Nothing is read at import.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.prices import FARGATE_GB_HOUR, FARGATE_VCPU_HOUR, TEXTRACT_PAGE

MIB = 1024 * 1024


def _redis_url(value: str) -> str:
    """Accept `redis://`, or `rediss://` that verifies certificates: kombu does not unless the URL says so."""
    parts = urlsplit(value)
    if parts.scheme not in {"redis", "rediss"}:
        message = "must start with redis:// or rediss://"
        raise ValueError(message)
    if parts.scheme == "rediss" and parse_qs(parts.query).get("ssl_cert_reqs") != ["required"]:
        message = "a rediss:// URL must carry ?ssl_cert_reqs=required, or certificates are not verified"
        raise ValueError(message)
    return value


def _database_url(value: str) -> str:
    """Accept `sqlite:///PATH` and `postgresql://...`, the latter through psycopg 3."""
    if value.startswith("postgresql://"):
        return "postgresql+psycopg://" + value.removeprefix("postgresql://")
    if value.startswith(("postgresql+psycopg://", "sqlite:///")):
        return value
    message = "must start with postgresql:// or sqlite:///"
    raise ValueError(message)


def _networks(value: str) -> str:
    """Accept networks by comma, `10.0.0.0/8,fd00::/8`."""
    for part in value.split(","):
        if part.strip():
            ip_network(part.strip())
    return value


_PRIVATE_NAMES = (".internal", ".local", ".localhost", ".lan")
"""Ends of names that nobody outside can have."""


def _model_url(value: str) -> str:
    """Accept `https://`, and `http://` where pages and key stay inside: a private address, or a name of one label."""
    parts = urlsplit(value)
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"https", "http"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        message = "must be like https://HOST/v1, without user, query or fragment"
        raise ValueError(message)
    if parts.scheme == "http" and not _inside(host):
        message = "must be https:// but for a private address or a name like vllm or vllm.internal: pages would be seen"
        raise ValueError(message)
    return value


def _inside(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
ModelUrl = Annotated[str, AfterValidator(_model_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]


class Settings(BaseSettings):
    """What every group shares: environment, upper-case names, frozen; errors show no values, as URLs hold passwords."""

    # A template leaves a variable that does not apply empty where it cannot leave it out.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


S = TypeVar("S", bound=Settings)


def _only_in_the_secret(settings: S, name: str, url: str, secret_arn: str | None) -> S:
    """Refuse credentials from two places."""
    if secret_arn and "@" in urlsplit(url).netloc:
        message = f"{name}_URL names a user although {name}_SECRET_ARN is given; take one of them away"
        raise ValueError(message)
    return settings


class Database(Settings):
    """Where all state lives.

    Attributes:
        database_url: `postgresql://...` or `sqlite:///PATH`.
        database_secret_arn: a secret of Secrets Manager, `{"username": ..., "password": ...}`, for a URL without them.
        database_pool_size: connections a process keeps; 0 keeps none, so that a database that pauses when nobody is
            connected can.
    """

    database_url: DatabaseUrl
    database_secret_arn: str | None = None
    database_pool_size: int = Field(default=5, ge=0)

    @model_validator(mode="after")
    def database_credentials_come_from_one_place(self) -> Self:
        """Refuse a URL with a password beside a secret."""
        return _only_in_the_secret(self, "DATABASE", self.database_url, self.database_secret_arn)


class Broker(Settings):
    """Where messages pass through; may be flushed at any moment.

    Attributes:
        redis_url: `redis://...`, or `rediss://...?ssl_cert_reqs=required`.
        redis_secret_arn: a secret of Secrets Manager, `{"password": ...}`, for a URL without one.
    """

    redis_url: RedisUrl
    redis_secret_arn: str | None = None

    @model_validator(mode="after")
    def redis_credentials_come_from_one_place(self) -> Self:
        """Refuse a URL with a password beside a secret."""
        return _only_in_the_secret(self, "REDIS", self.redis_url, self.redis_secret_arn)


class Storage(Settings):
    """`DOCUMENTS_BUCKET`: where documents and results lie. boto3 finds the endpoint in `AWS_ENDPOINT_URL`."""

    documents_bucket: str


class Limits(Settings):
    """What one upload may be.

    Attributes:
        max_direct_bytes: largest file in a multipart POST; a Lambda answer and question hold 6 MB, base64 included.
        max_upload_bytes: largest file through a presigned upload.
        upload_expires_seconds: how long a presigned upload form stays valid.
    """

    max_direct_bytes: int = 4 * MIB
    max_upload_bytes: int = 512 * MIB
    upload_expires_seconds: int = 3600


class Delivery(Settings):
    """How long work may go without a sign of life, and how often it is tried.

    Attributes:
        lease_seconds: a claimed job whose lease is not renewed for so long belongs to a lost worker.
        max_attempts: claims of one job before it is given up; the database counts them, Redis counts nothing.
        relay_grace_seconds: how long a message may be under way before the relay looks after it.
        retry_seconds: the first back-off; it doubles with every attempt and is capped at five minutes.
    """

    lease_seconds: float = Field(default=60, gt=0)
    max_attempts: int = Field(default=3, ge=1)
    relay_grace_seconds: float = Field(default=30, ge=0)
    retry_seconds: float = Field(default=5, ge=0)


class LightDelivery(Settings):
    """How long work of the light lane goes on being tried; see `shared.services.retries`.

    Attributes:
        light_lease_seconds: for how long a message belongs to the function that took it: longer than the longest
            function may run, as nobody renews it.
        light_retry_seconds: the first back-off; it doubles with every attempt.
        light_longest_retry_seconds: what it doubles up to.
        message_window_seconds: how long after its first failure a mail, text message or notification is still tried.
        webhook_window_seconds: how long after its first failure a webhook's delivery is.
    """

    light_lease_seconds: float = Field(default=150, gt=0)
    light_retry_seconds: float = Field(default=10, gt=0)
    light_longest_retry_seconds: float = Field(default=4 * 3600, gt=0)
    message_window_seconds: float = Field(default=6 * 3600, ge=0)
    webhook_window_seconds: float = Field(default=24 * 3600, ge=0)


class LightLane(Settings):
    """How to reach the light lane. Where nothing is given, what this process sends waits for `relay_outbox`.

    Attributes:
        light_queues: URLs of SQS queues by name, `{"email": ..., "webhook": ...}`; see `contracts.LIGHT_QUEUES`.
        event_bus_name: the EventBridge bus that events leave through.
    """

    light_queues: dict[str, str] = Field(default_factory=dict)
    event_bus_name: str | None = None


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

    outbound_allowed_networks: Annotated[str, AfterValidator(_networks)] = ""
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


class Reading(Settings):
    """What one page or document may cost.

    Attributes:
        page_timeout_seconds: a page that takes longer is failed and its process killed.
        max_page_pixels: pixels of a rendered page or a decoded image; A3 at 300 dpi has 17 million.
        max_pages: pages read of one document; AWS Textract's asynchronous limit.
        render_dpi: what PDF pages are rendered at; tesseract is trained for about 300.
        inline_pages: documents with no more pages to recognise than this are read in one task.
        source_cache_dir: where workers of one machine keep the documents they are reading.
        source_cache_bytes: how much of them.
        null_engine: offer the `null` engine, which reads nothing; for tests and benchmarks.
        auto_engines: what `auto` may read a page with, by comma, weakest first.
    """

    page_timeout_seconds: float = Field(default=120, gt=0)
    max_page_pixels: int = 100_000_000
    max_pages: int = 3000
    render_dpi: int = 300
    inline_pages: int = Field(default=3, ge=1)
    source_cache_dir: Path | None = None
    source_cache_bytes: int = 4096 * MIB
    null_engine: bool = False
    auto_engines: str = "tesseract,rapidocr"

    @property
    def ladder(self) -> tuple[str, ...]:
        """The names in `auto_engines`."""
        return tuple(name.strip() for name in self.auto_engines.split(",") if name.strip())


class Remote(Settings):
    """`REMOTE_PAGES_AT_ONCE`: pages of one document that are asked of a remote engine at the same time."""

    remote_pages_at_once: int = Field(default=2, ge=1, le=32)


class DeepSeek(Settings):
    """The `deepseek` engine: DeepSeek-OCR, or any vision model behind an OpenAI-compatible endpoint.

    Attributes:
        deepseek_url: up to what `/chat/completions` follows, e.g. `https://api.example.com/v1`; without it there is no
            such engine. `http://` only where nobody outside can listen.
        deepseek_model: as the server calls it.
        deepseek_key: the bearer key; none for a server that asks for none.
        deepseek_secret_arn: a secret of Secrets Manager, `{"password": ...}`, in place of the key.
        deepseek_timeout_seconds: one call may take, within `PAGE_TIMEOUT_SECONDS`.
        deepseek_rate: calls a second, of all workers together; 0 does not hold them.
        deepseek_monthly_dollars: what may be spent in a calendar month (UTC); beyond it pages fail.
        deepseek_input_dollars: price of a million tokens read; 0 for a server of one's own.
        deepseek_output_dollars: price of a million tokens written.
        deepseek_input_tokens: of one page, image and prompt, as reckoned with before the server says how many.
        deepseek_max_tokens: the model may write about a page; with what it reads they must fit its context.
        deepseek_prompt: what it is asked.
        deepseek_logprobs: ask how sure it was; false for servers that refuse the question.
        deepseek_extra: fields for the body that this server knows. vLLM leaves the marks of the boxes out unless told.
    """

    deepseek_url: ModelUrl | None = None
    deepseek_model: str = "deepseek-ai/DeepSeek-OCR"
    deepseek_key: str | None = Field(default=None, repr=False)
    deepseek_secret_arn: str | None = None
    deepseek_timeout_seconds: float = Field(default=60, gt=0)
    deepseek_rate: float = Field(default=0, ge=0)
    deepseek_monthly_dollars: float = Field(default=10, ge=0)
    deepseek_input_dollars: float = Field(default=0, ge=0)
    deepseek_output_dollars: float = Field(default=0, ge=0)
    deepseek_input_tokens: int = Field(default=2000, ge=0)
    deepseek_max_tokens: int = Field(default=6000, ge=16)
    deepseek_prompt: str = "<|grounding|>Convert the document to markdown."
    deepseek_logprobs: bool = True
    deepseek_extra: dict[str, Any] = Field(default_factory=lambda: {"skip_special_tokens": False})

    @model_validator(mode="after")
    def deepseek_key_comes_from_one_place(self) -> Self:
        """Refuse a key beside a secret."""
        if self.deepseek_key and self.deepseek_secret_arn:
            message = "DEEPSEEK_KEY is given although DEEPSEEK_SECRET_ARN is; take one of them away"
            raise ValueError(message)
        return self


class Extraction(DeepSeek):
    """Who finds the fields of invoices in what was read.

    Attributes:
        extractor: `rules`, or `llm`: a language model behind an OpenAI-compatible endpoint, which is shown the text and
            never the file. Where it can't, rules do.
        extractor_url: up to what `/chat/completions` follows; that of `deepseek_url`, with its model and key, if not
            given.
        extractor_model: as the server calls it.
        extractor_key: the bearer key; none for a server that asks for none.
        extractor_secret_arn: a secret of Secrets Manager, `{"password": ...}`, in place of the key.
        extractor_timeout_seconds: one document may take, tries included.
        extractor_rate: calls a second, of all workers together; 0 does not hold them.
        extractor_monthly_dollars: what may be spent in a calendar month (UTC); beyond it rules do.
        extractor_input_dollars: price of a million tokens read; 0 for a server of one's own.
        extractor_output_dollars: price of a million tokens written.
        extractor_max_tokens: the model may write about a document.
    """

    extractor: Literal["rules", "llm"] = "rules"
    extractor_url: ModelUrl | None = None
    extractor_model: str | None = None
    extractor_key: str | None = Field(default=None, repr=False)
    extractor_secret_arn: str | None = None
    extractor_timeout_seconds: float = Field(default=60, gt=0, le=120)
    extractor_rate: float = Field(default=0, ge=0)
    extractor_monthly_dollars: float = Field(default=10, ge=0)
    extractor_input_dollars: float = Field(default=0, ge=0)
    extractor_output_dollars: float = Field(default=0, ge=0)
    extractor_max_tokens: int = Field(default=4000, ge=16)

    @model_validator(mode="after")
    def extractor_is_whole(self) -> Self:
        """Refuse a model that nobody named, and a key beside a secret."""
        if self.extractor == "llm" and not (self.extractor_url or self.deepseek_url):
            message = "EXTRACTOR is llm, and neither EXTRACTOR_URL nor DEEPSEEK_URL says where it is"
            raise ValueError(message)
        if self.extractor_url and not self.extractor_model:
            message = "EXTRACTOR_URL is given without EXTRACTOR_MODEL"
            raise ValueError(message)
        if self.extractor_key and self.extractor_secret_arn:
            message = "EXTRACTOR_KEY is given although EXTRACTOR_SECRET_ARN is; take one of them away"
            raise ValueError(message)
        return self


class Textract(Settings):
    """The `textract` engine: AWS' own, in the region of the workers.

    Attributes:
        textract_enabled: whether it may be used, which costs money.
        textract_page_dollars: price of a page; AWS' list price of DetectDocumentText for the first million a month, in
            us-east-1: https://aws.amazon.com/textract/pricing/
        textract_monthly_dollars: what may be spent in a calendar month (UTC); beyond it pages fail.
        textract_rate: pages a second, of all workers together; 0 does not hold them. AWS holds an account to 1 in most
            regions and 25 in us-east-1 and us-west-2 unless asked for more, and says so: those pages wait.
        textract_job_seconds: how long a document that is read as a whole is waited for in one attempt; the next goes on
            waiting for the same.
    """

    textract_enabled: bool = False
    textract_page_dollars: float = Field(default=TEXTRACT_PAGE, ge=0)
    textract_monthly_dollars: float = Field(default=10, ge=0)
    textract_rate: float = Field(default=0, ge=0)
    textract_job_seconds: float = Field(default=1200, gt=0, le=1700)


class Prices(Settings):
    """What our own machines are reckoned at, in US dollars; others' prices stand with their engines.

    Attributes:
        vcpu_hour_dollars: an hour of a vCPU of a worker; Fargate's list price unless set.
        gb_hour_dollars: an hour of a GB of its memory; likewise.
    """

    vcpu_hour_dollars: float = Field(default=FARGATE_VCPU_HOUR["x86_64"], ge=0)
    gb_hour_dollars: float = Field(default=FARGATE_GB_HOUR["x86_64"], ge=0)


class Logging(Settings):
    """`LOG_LEVEL`: least level that is logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Telemetry(Settings):
    """`STACK_NAME`: which deployment a metric is of; several share one account."""

    stack_name: str = "local"


class Doze(Settings):
    """`DATABASE_DOZE_SECONDS`: how long the schedules leave an idle database alone, so that it can pause; 0: never."""

    database_doze_seconds: int = Field(default=0, ge=0)


class ApiSettings(Database, Broker, Storage, Limits, Delivery, LightLane, Mail, Sms, Outbound, Signing, App, Logging):
    """What the HTTP API needs."""


class IngestSettings(Database, Broker, Storage, Limits, Delivery, LightLane, Logging):
    """What `ingest` needs."""


class RelaySettings(Database, Broker, Delivery, LightDelivery, LightLane, Doze, Logging):
    """What `relay_outbox` needs."""


class PublishMetricsSettings(Database, Broker, Doze, Telemetry, Logging):
    """What `publish_metrics` needs."""


class CreateKeySettings(Database, Logging):
    """What `create_key` needs."""


class Sending(Database, LightDelivery, LightLane, Telemetry, Logging):
    """What every function of the light lane needs that does jobs."""


class SendEmailSettings(Sending, Storage, Mail, Signing):
    """What `send_email` needs."""


class RecordFeedbackSettings(Database, Logging):
    """What `record_feedback` needs."""


class SendSmsSettings(Sending, Sms):
    """What `send_sms` needs."""


class NotifySettings(Sending):
    """What `notify` needs."""


class DeliverWebhookSettings(Sending, Mail, Outbound, Signing):
    """What `deliver_webhook` needs."""


class RecordDeadLetterSettings(Database, LightDelivery, Logging):
    """What `record_dead_letter` needs.

    Attributes:
        dead_letter_queues: ARNs of dead-letter queues, by the name of the queue whose messages end there.
    """

    dead_letter_queues: dict[str, str] = Field(default_factory=dict)


class Retention(Settings):
    """How long things stay.

    Attributes:
        retention_days: how long it is kept that something was done: messages, deliveries, events, settled dead letters.
    """

    retention_days: int = Field(default=90, ge=1)


class RunScheduleSettings(Database, Broker, LightLane, Mail, Doze, Retention, Telemetry, Logging):
    """What `run_schedule` needs."""


class Worker(Settings):
    """What one worker process is.

    Attributes:
        worker_fleet: which queues it consumes: a name of `contracts.FLEETS`, or `all`.
        worker_concurrency: jobs it does at once, each in a process of its own.
        worker_soft_shutdown_seconds: how long a job in hand may take to end after SIGTERM; below ECS's `stopTimeout`
            of 120 s, so that it ends before the container is killed.
        worker_start_seconds: how long broker, database and bucket may take to answer before it gives up starting.
        worker_alive_file: touched with every sign of life, for the health check of a container; none if not given.
    """

    worker_fleet: str = "all"
    worker_concurrency: int = Field(default=1, ge=1)
    worker_soft_shutdown_seconds: float = Field(default=90, ge=0)
    worker_start_seconds: float = Field(default=30, ge=0)
    worker_alive_file: Path | None = None


class WorkerSettings(
    Database, Broker, Storage, Delivery, LightLane, Reading, Remote, Extraction, Textract, Worker, Telemetry, Logging
):
    """What a Celery worker needs."""


class ConfigurationError(RuntimeError):
    """The environment lacks something, or has it wrong."""


def load(kind: type[S], who: str) -> S:
    """Read a group of settings from the environment.

    Args:
        kind: the group.
        who: needs it, e.g. `The API`; begins the sentence.

    Raises:
        ConfigurationError: naming each variable that is missing or malformed, without values: a URL holds a password.
    """
    try:
        return kind()
    except ValidationError as error:
        wrong = [
            ": ".join([*(str(name).upper() for name in item["loc"][:1]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors(include_input=False)
        ]
        message = f"{who} can't start; set in the environment: {'; '.join(wrong)}"
        raise ConfigurationError(message) from None
