"""The deployments that the promises of the templates are checked on."""

from __future__ import annotations

from functools import cache

from tests.infra.stacks import ROOT, Resource, Stack, presets

ONE_MACHINE = {
    "DatabaseUrl": "sqlite:////data/twolane.sqlite",
    "RedisUrl": "redis://127.0.0.1:6379/0",
    "MailFrom": "twolane@localhost.localdomain",
    "SmtpUrl": "smtp://127.0.0.1:2525",
    "MailRate": "0",
    "SmsEnabled": "true",
    "OutboundAllowedNetworks": "127.0.0.0/8",
    "PublicUrl": "http://127.0.0.1:8000",
}
"""What `infra.local.aws` gives: data stores that are there already."""

IMAGE = {"WorkerImageTag": "1"}
"""Before there is an image a stack has no fleets."""

BROUGHT = {
    "DatabaseUrl": "postgresql://twolane:secret@database.example.com/twolane",
    "RedisUrl": "rediss://:secret@broker.example.com:6379/0?ssl_cert_reqs=required",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
}
"""Data stores of somebody's own, in a VPC of theirs."""

SECRETS_BROUGHT = {
    **BROUGHT,
    "DatabaseUrl": "postgresql://database.example.com/twolane",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database",
    "RedisUrl": "rediss://broker.example.com:6379/0?ssl_cert_reqs=required",
    "RedisSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:broker",
    "SigningSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signing",
}
"""The same, their credentials in secrets, and the signing secret of a stack that was."""

MAIL = {
    "MailFrom": "ocr@example.com",
    "AlertEmail": "operator@example.com",
    "WeeklyDigest": "On",
    "Reminders": "On",
}
"""What an operator says whose SES is ready."""

EVERYTHING = {
    **IMAGE,
    **MAIL,
    "SmsEnabled": "true",
    "SmsSenderId": "Twolane",
    "ApiReservedConcurrency": "20",
    "AppUrl": "https://app.example.com/account",
    "OutboundAllowedNetworks": "10.1.0.0/16,fd00::/8",
    "WorkerEgress": "endpoints",
    "NatGateways": "2",
    "CorsOrigins": "https://app.example.com",
    "JwtIssuer": "https://issuer.example.com",
    "JwtAudience": "twolane",
    "DomainName": "ocr.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
    "HostedZoneId": "Z1",
    "SnapStart": "On",
    "FlowLogRetentionDays": "7",
    "DatabaseInstances": "2",
    "BrokerNodes": "2",
    "AutoEngines": "tesseract,rapidocr,deepseek",
    "DeepSeekUrl": "https://models.example.com/v1",
    "DeepSeekSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model",
    "TextractEnabled": "true",
    "TextractPageDollars": "0.002",
    "Extractor": "llm",
    "ExtractorUrl": "https://language.example.com/v1",
    "ExtractorModel": "small",
    "ExtractorSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:extractor",
    "ExtractorInputDollars": "2",
    "VcpuHourDollars": "0.03",
}
"""Whatever can be switched on."""

GIVEN: dict[str, dict[str, str]] = {
    "one machine": ONE_MACHINE,
    "data stores brought": BROUGHT,
    "data stores brought, no way out": {**BROUGHT, "NatGateways": "0"},
    "data stores and secrets brought": SECRETS_BROUGHT,
    "first deployment": {},
    "everything on": EVERYTHING,
    **{name: {**parameters, **IMAGE} for name, parameters in presets().items()},
    "prod with mail": {**presets()["prod"], **IMAGE, **MAIL},
}
"""Parameters by deployment. `first deployment` is what `sam deploy --guided` proposes."""

ALL = sorted(GIVEN)

WITH_SECRETS = sorted(
    name for name, given in GIVEN.items() if not given.get("DatabaseUrl") or "DatabaseSecretArn" in given
)
"""Those whose credentials are in Secrets Manager alone."""

MAKING_DATA = sorted(name for name, parameters in GIVEN.items() if not parameters.get("DatabaseUrl"))
"""Those with a network and data stores of their own."""

REACHING_OUT = sorted(name for name, given in GIVEN.items() if given.get("NatGateways", "1") != "0")
"""Those whose functions have a way to what they send through."""

WHOLE = sorted(name for name, parameters in GIVEN.items() if parameters.get("WorkerImageTag"))
"""Those with everything: also workers."""


@cache
def deployment(name: str) -> Stack:
    """One of them, worked out."""
    return Stack(ROOT, GIVEN[name])


def resources(name: str, *kinds: str) -> list[Resource]:
    """The resources of some types in one of them; there must be one, or a test would look at nothing."""
    found = deployment(name).all(*kinds)
    assert found, f"{name} has no {' or '.join(kinds)}"
    return found


def made_by(name: str, reference: str) -> Resource:
    """The resource that a `Ref` or an ARN points to."""
    [found] = [one for one in deployment(name).all() if reference in {one.ref, one.attribute("Arn")}]
    return found
