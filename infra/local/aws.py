"""The emulated AWS account: `template.yaml` as it is, built, deployed and kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from infra.local.checks import HOST, binary, tool
from infra.local.children import Child, Program, nothing
from infra.local.errors import LocalStackError
from infra.local.layout import PROJECT, Layout
from infra.local.processes import Supervisor
from infra.local.state import aws_environment, write_atomically

STACK_NAME = "twolane"
ZIPS_BUCKET = "twolane-zips"
SERVICES = "apigateway,cloudformation,cloudwatch,events,iam,kms,lambda,logs,s3,scheduler,secretsmanager,ses,sns,sqs,sts"
# What a deployment is made of: a change in any of these builds and deploys anew.
SOURCES = (
    *("template.yaml", "infra/stacks/**/*"),
    *("uv.lock", "infra/lambda/Makefile", "functions/**/*", "shared/**/*"),
)
# Functions in the template take these from parameters, so that they follow the same limits as the processes here.
PARAMETERS = {
    "LEASE_SECONDS": "LeaseSeconds",
    "MAX_ATTEMPTS": "MaxAttempts",
    "RELAY_GRACE_SECONDS": "RelayGraceSeconds",
    "MAX_UPLOAD_BYTES": "MaxUploadBytes",
    "LOG_LEVEL": "LogLevel",
    "SMTP_URL": "SmtpUrl",
    "PUBLIC_URL": "PublicUrl",
    "APP_URL": "AppUrl",
    "OUTBOUND_ALLOWED_NETWORKS": "OutboundAllowedNetworks",
    "SMS_ENABLED": "SmsEnabled",
    "SMS_MONTHLY_DOLLARS": "SmsMonthlyDollars",
    "MAIL_RATE": "MailRate",
    "VCPU_HOUR_DOLLARS": "VcpuHourDollars",
    "GB_HOUR_DOLLARS": "GbHourDollars",
    "TEXTRACT_PAGE_DOLLARS": "TextractPageDollars",
    "DEEPSEEK_INPUT_DOLLARS": "DeepSeekInputDollars",
    "DEEPSEEK_OUTPUT_DOLLARS": "DeepSeekOutputDollars",
}
# What processes beside the functions get, by the output of the deployment that says it.
OUTPUTS = {
    "DOCUMENTS_BUCKET": "DocumentsBucketName",
    "LIGHT_QUEUES": "LightQueues",
    "EVENT_BUS_NAME": "EventBusName",
    "SIGNING_SECRET_ARN": "SigningSecretArn",
}
OWN_SECRETS = frozenset({"DATABASE_SECRET_ARN", "REDIS_SECRET_ARN", "SIGNING_SECRET_ARN"})
"""Secrets of what the stack makes itself. Those of models stay: they are looked for in the emulator."""

MAIL_FROM = "twolane@localhost.localdomain"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed: a fingerprint of everything it was made from, and the stack's outputs."""

    fingerprint: str
    outputs: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a process beside the functions finds what was made."""
        return {variable: self.outputs[output] for variable, output in OUTPUTS.items()}


class Emulator:
    """MiniStack in a process of the stack's, keeping its state in the data directory."""

    def __init__(self, supervisor: Supervisor, layout: Layout, port: int, environment: Mapping[str, str]) -> None:
        """`environment`: what the API and the workers get, `DATABASE_URL` and `REDIS_URL` included."""
        self._supervisor = supervisor
        self._layout = layout
        self._port = port
        self._parameters = _parameters(environment)
        self._record = layout.aws / "deployed.json"
        self._child: Child | None = None
        self.url = f"http://{HOST}:{port}"

    def start(self) -> None:
        """Start it. What an unfinished first deployment left is thrown away: nothing of worth can be in it."""
        if self._deployed() is None:
            shutil.rmtree(self._layout.aws, ignore_errors=True)
        shutil.rmtree(self._layout.aws / "tmp", ignore_errors=True)
        (self._layout.aws / "tmp").mkdir(parents=True)
        self._child = self._supervisor.start(self._program())

    def wait(self) -> None:
        """Wait until it answers."""
        assert self._child is not None, "start() comes first"  # noqa: S101  # a mistake in this file, not of a user's
        self._supervisor.wait(self._child, lambda: answers(f"{self.url}/_ministack/ready"), seconds=60)

    def current(self) -> Deployment | None:
        """The deployment of exactly these sources and parameters, if that is what was deployed last."""
        deployed = self._deployed()
        return deployed if deployed and deployed.fingerprint == self._fingerprint() else None

    def deploy(self) -> Deployment:
        """Build the zips and deploy the template; the emulator is restarted so that its state is on disk."""
        self.wait()
        fingerprint = self._fingerprint()
        self._supervisor.run(self._sam("sam-build", *self._build_arguments()))
        self._client("s3").create_bucket(Bucket=ZIPS_BUCKET)
        self._supervisor.run(self._sam("sam-deploy", *self._deploy_arguments()))
        self._forget_old_zips()
        deployment = Deployment(fingerprint, self.outputs())
        # It writes its state when it stops; once there, even a kill loses nothing that was deployed.
        self._child = self._supervisor.restart(self._program())
        self.wait()
        record = {"fingerprint": fingerprint, "outputs": deployment.outputs}
        write_atomically(self._record, json.dumps(record, indent=2) + "\n")
        return deployment

    def outputs(self) -> dict[str, str]:
        """The deployed stack's outputs, by name.

        Raises:
            LocalStackError: there is no such stack.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415  # half a second that most starts do without

        try:
            stack = self._client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        except ClientError as error:
            raise LocalStackError(
                f"the emulator lost its state; remove {self._layout.aws} to deploy anew, without the documents in it"
            ) from error
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    # --- programs

    def _program(self) -> Program:
        keeps = self._layout.aws
        environment = plain_environment() | {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self._port),
            "SERVICES": SERVICES,
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(keeps / "state"),
            "S3_DATA_DIR": str(keeps / "objects"),
            "TMPDIR": str(keeps / "tmp"),
            "LOG_LEVEL": "INFO",
            # Listeners of services that are not used.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        command = (str(tool("emulator", "python")), "-m", "ministack")
        return Program("aws", command, environment, colour="yellow", shows=_is_trouble, grace=20)

    def _sam(self, name: str, *arguments: str) -> Program:
        version = _emulator_python()
        environment = plain_environment() | aws_environment(self.url)
        environment |= {"UV": _uv(), "PYTHON_VERSION": version, "PYTHON_PLATFORM": ""}
        # The emulator is done at once; SAM would look again after five seconds.
        environment |= {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
        command = (str(tool("sam", "sam")), *arguments)
        return Program(name, command, environment, colour="yellow", shows=nothing)

    def _build_arguments(self) -> tuple[str, ...]:
        binary("make")
        return ("build", "--build-in-source", "--template", "template.yaml", "--build-dir", str(self._layout.build))

    def _deploy_arguments(self) -> tuple[str, ...]:
        overrides = [f'{name}="{value}"' for name, value in self._parameters.items()]
        return (
            "deploy",
            *("--template-file", str(self._layout.build / "template.yaml")),
            *("--stack-name", STACK_NAME, "--s3-bucket", ZIPS_BUCKET, "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--parameter-overrides", *overrides),
        )

    # --- memory

    def _deployed(self) -> Deployment | None:
        try:
            return Deployment(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps([self._parameters, str(PROJECT), self._port]).encode())
        for path in _sources():
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _forget_old_zips(self) -> None:
        """What no deployment needs any more; a failed one would go back to the zips and templates of this one."""
        deployed = self._client("cloudformation").get_template(StackName=STACK_NAME, TemplateStage="Original")
        needed = json.dumps(deployed["TemplateBody"])
        s3 = self._client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=ZIPS_BUCKET):
            for found in page.get("Contents", []):
                if found["Key"] not in needed:
                    s3.delete_object(Bucket=ZIPS_BUCKET, Key=found["Key"])

    def _client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415  # half a second that most starts do without

        settings = aws_environment(self.url)
        # The stubs know a client by its literal name only.
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.url,
            region_name=settings["AWS_REGION"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        )


def plain_environment() -> dict[str, str]:
    """This process's environment without what could lead elsewhere: AWS profiles, stores' secrets, Pythons' paths."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")) and name not in OWN_SECRETS
    }
    # Behind a corporate proxy, 127.0.0.1 is still here.
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, [kept.get("NO_PROXY"), HOST, "localhost"]))
    return kept


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310  # always http://127.0.0.1
            return bool(answer.status < 300)  # noqa: PLR2004  # HTTP: success is 2xx
    except (URLError, OSError):
        return False


def _parameters(environment: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters for this stack."""
    return {
        "DatabaseUrl": environment["DATABASE_URL"],
        "RedisUrl": environment["REDIS_URL"],
        "PythonRuntime": f"python{_emulator_python()}",
        # Old versions of documents would fill this machine's disk: nothing here ever expires them.
        "BucketVersioning": "Suspended",
        "MailFrom": MAIL_FROM,
        **{parameter: environment[name] for name, parameter in PARAMETERS.items() if name in environment},
    }


def _sources() -> Iterator[Path]:
    for pattern in SOURCES:
        for path in sorted(PROJECT.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _emulator_python() -> str:
    """The minor version of the interpreter the emulator runs functions with, e.g. `3.11`."""
    described = tool("emulator", "python").parents[1] / "pyvenv.cfg"
    found = re.search(r"^version(?:_info)? = (\d+\.\d+)", described.read_text(), re.MULTILINE)
    if found is None:
        raise LocalStackError(f"{described} names no Python version; remove .tools/emulator and run `make tools`")
    return found[1]


def _uv() -> str:
    """`uv run` tells where uv is; otherwise it is on the path, or where `make tools` puts it."""
    installed = PROJECT / ".tools" / "uv" / "bin" / "uv"
    return os.environ.get("UV") or (str(installed) if installed.exists() else binary("uv"))


def _is_trouble(line: str) -> bool:
    # The SAM translator warns about its own usage metrics, which are not sent.
    return (" WARNING " in line or " ERROR " in line) and "samtranslator" not in line
