"""The presets of `samconfig.toml`, and what the templates refuse before anything is made."""

from __future__ import annotations

import pytest

from tests.infra.deployments import BROUGHT, GIVEN, SECRETS_BROUGHT, deployment, resources
from tests.infra.intrinsics import Mistake
from tests.infra.stacks import PROJECT, ROOT, Stack, presets, templates

CONTRADICTIONS: list[tuple[dict[str, str], str]] = [
    ({"DatabaseUrl": BROUGHT["DatabaseUrl"]}, "give both to bring your own"),
    ({"RedisUrl": BROUGHT["RedisUrl"]}, "give both to bring your own"),
    ({"DatabaseSecretArn": SECRETS_BROUGHT["DatabaseSecretArn"]}, "DatabaseSecretArn is given without DatabaseUrl"),
    ({"RedisSecretArn": SECRETS_BROUGHT["RedisSecretArn"]}, "RedisSecretArn is given without RedisUrl"),
    ({"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}, "leave them empty"),
    ({**BROUGHT, "SecurityGroupIds": ""}, "Only one of SubnetIds and SecurityGroupIds"),
    ({**BROUGHT, "WorkerImageTag": "1"}, "leave WorkerImageTag empty"),
    ({"DatabaseMinCapacity": "0", "DatabaseDozeSeconds": "3600"}, "set DatabasePoolSize to 0"),
    ({"DatabaseMinCapacity": "0", "DatabasePoolSize": "0"}, "set DatabaseDozeSeconds"),
    ({"OnDemandWeight": "0", "SpotWeight": "0"}, "no task could run"),
    ({"OcrTaskCpu": "1024", "OcrTaskMemory": "16384"}, "no tasks with that"),
    ({"JwtIssuer": "https://issuer.example.com"}, "Only one of JwtIssuer and JwtAudience"),
    ({"DomainName": "ocr.example.com"}, "Only one of DomainName and CertificateArn"),
    ({"HostedZoneId": "Z1"}, "HostedZoneId is given without DomainName"),
    ({"NatGateways": "0", "WorkerEgress": "public-ip", "MailFrom": "a@example.com"}, "no mail could leave"),
    ({"NatGateways": "0", "WorkerEgress": "public-ip", "SmsEnabled": "true"}, "no text message could leave"),
    ({"NatGateways": "0"}, "no worker could start"),
    ({**BROUGHT, "NatGateways": "0", "MailFrom": "a@example.com"}, "no mail could leave"),
    ({**BROUGHT, "NatGateways": "0", "SmsEnabled": "true"}, "no text message could leave"),
    ({"WeeklyDigest": "On"}, "WeeklyDigest or Reminders is On without MailFrom"),
    ({"Reminders": "On"}, "WeeklyDigest or Reminders is On without MailFrom"),
    ({"SmtpUrl": "smtp://mail.example.com:587"}, "SmtpUrl is given without MailFrom"),
    ({"SnapStart": "On", "PythonRuntime": "python3.11"}, "SnapStart needs Python 3.12"),
    ({"ExtractorUrl": "https://models.example.com/v1"}, "ExtractorUrl is given without ExtractorModel"),
    ({"Extractor": "llm"}, "Extractor is llm, and neither ExtractorUrl nor DeepSeekUrl"),
]

OUT_OF_BOUNDS = [
    {"RedisUrl": "rediss://broker.example.com:6379/0"},
    {"RedisUrl": "rediss://broker.example.com:6379/0?ssl_cert_reqs=none"},
    {"RedisUrl": "http://broker.example.com"},
    {"DatabaseUrl": "mysql://database.example.com/twolane"},
    {"WorkerImageTag": "123.dkr.ecr.eu-central-1.amazonaws.com/twolane:1"},
    {"DatabaseEngineVersion": "15.7"},
    {"DatabaseEngineVersion": "16.2"},
    {"DatabaseEngineVersion": "17.3"},
    {"DatabaseEngineVersion": "17"},
    {"DatabaseInstances": "3"},
    {"DatabaseSecretArn": "database"},
    {"RedisSecretArn": "broker"},
    {"SigningSecretArn": "signing"},
    {"ExtractorSecretArn": "extractor"},
    {"ExtractorUrl": "https://user:secret@models.example.com/v1"},
    {"Extractor": "model"},
    {"VcpuHourDollars": "-1"},
    {"JwtIssuer": "http://issuer.example.com"},
    {"CertificateArn": "certificate"},
    {"LeaseSeconds": "0"},
    {"OcrMaxTasks": "0"},
    {"NatGateways": "3"},
    {"MailFrom": "Twolane <ocr@example.com>"},
    {"MailFrom": "ocr"},
    {"MailFrom": "öcr@example.com"},
    {"MailFrom": "ocr@exämple.com"},
    {"MailFrom": "ocr@example.com/x"},
    {"MailFrom": "ocr@.com"},
    {"MailFromName": 'Two "lane"'},
    {"SmtpUrl": "http://mail.example.com:587"},
    {"SmtpUrl": "smtp://mail.example.com"},
    {"SmtpUrl": "smtp://mail.example.com:25"},
    {"SmtpUrl": "smtps://user:secret@mail.example.com:465/inbox"},
    {"SmtpUrl": "smtp://:587"},
    {"MailRate": "-1"},
    {"SmsSenderId": "123"},
    {"SmsMonthlyDollars": "-1"},
    {"SendConcurrency": "1"},
    {"SendConcurrency": "200"},
    {"WebhookConcurrency": "200"},
    {"ApiReservedConcurrency": "-1"},
    {"OutboundAllowedNetworks": "10.0.0.1"},
    {"OutboundAllowedNetworks": "example.com/8"},
    {"PublicUrl": "https://ocr.example.com/v1"},
    {"PublicUrl": "http://ocr.example.com"},
    {"PublicUrl": "http://localhost.example.com"},
    {"AppUrl": "http://app.example.com/account"},
    {"AppUrl": "http://127.0.0.1.example.com"},
    {"AppUrl": "https://"},
]


@pytest.mark.parametrize(("parameters", "why"), CONTRADICTIONS)
def test_parameters_that_contradict_each_other_are_refused_with_the_cure(parameters: dict[str, str], why: str) -> None:
    [sentence] = Stack(ROOT, parameters).refused()
    assert why in sentence


def test_every_rule_refuses_something() -> None:
    said = {sentence for parameters, _ in CONTRADICTIONS for sentence in Stack(ROOT, parameters).refused()}
    rules = templates()[ROOT]["Rules"].values()
    assert {assertion["AssertDescription"] for rule in rules for assertion in rule["Assertions"]} == said


@pytest.mark.parametrize("parameters", OUT_OF_BOUNDS)
def test_a_parameter_that_cannot_be_right_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(Mistake, match=f"{next(iter(parameters))} may not be"):
        Stack(ROOT, parameters)


@pytest.mark.parametrize("version", ["16.3", "16.11", "17.4", "17.9", "17.10"])
def test_every_version_that_can_pause_is_taken(version: str) -> None:
    assert Stack(ROOT, {"DatabaseEngineVersion": version}).refused() == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"SmtpUrl": "smtp://mail.example.com:587", "MailFrom": "ocr@example.com"},
        {"SmtpUrl": "smtps://user:secret@mail.example.com:465", "MailFrom": "o.c+r@mail.example.com"},
        {"SmtpUrl": "smtp://mail.example.com:2525", "MailFrom": "ocr@xn--exmple-cua.com"},
        {"PublicUrl": "http://127.0.0.1:8000", "AppUrl": "http://localhost:3000/account"},
        {"PublicUrl": "https://ocr.example.com", "AppUrl": "https://app.example.com"},
        {**BROUGHT, "NatGateways": "0"},
    ],
)
def test_what_can_be_right_is_taken(parameters: dict[str, str]) -> None:
    assert Stack(ROOT, parameters).refused() == []


def test_every_pattern_says_what_a_value_must_be() -> None:
    for template in templates().values():
        for name, parameter in template.get("Parameters", {}).items():
            assert "AllowedPattern" not in parameter or parameter["ConstraintDescription"].startswith("must "), name


def test_there_is_a_preset_for_development_and_one_for_production() -> None:
    assert set(presets()) == {"dev", "prod"}
    assert set(presets()) <= set(GIVEN)


def test_development_costs_next_to_nothing_while_nobody_uses_it() -> None:
    [cluster] = resources("dev", "AWS::RDS::DBCluster")
    assert cluster.properties["ServerlessV2ScalingConfiguration"]["MinCapacity"] == 0
    assert len(resources("dev", "AWS::RDS::DBInstance")) == 1
    [broker] = resources("dev", "AWS::ElastiCache::ReplicationGroup")
    assert broker.properties["NumCacheClusters"] == 1
    endpoints = [one.properties for one in resources("dev", "AWS::EC2::VPCEndpoint")]
    assert sum(len(one["SubnetIds"]) for one in endpoints if one["VpcEndpointType"] == "Interface") == 1
    assert {
        one.properties["MinCapacity"] for one in resources("dev", "AWS::ApplicationAutoScaling::ScalableTarget")
    } == {0}
    assert deployment("dev").all("AWS::EC2::FlowLog", "AWS::EC2::NatGateway") == []


def test_development_promises_nothing_that_it_could_not_send() -> None:
    given = deployment("dev").own["ApiFunction"].properties["Environment"]["Variables"]
    assert not any(given[name] for name in ("LIGHT_QUEUES", "EVENT_BUS_NAME", "MAIL_FROM"))
    assert given["SMS_ENABLED"] == "false"
    for task in resources("dev", "AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            told = {one["Name"]: one["Value"] for one in container["Environment"]}
            assert told.get("EVENT_BUS_NAME", "") == ""


def test_the_database_of_development_can_pause() -> None:
    """Nobody may stay connected, and nobody may look every minute."""
    [cluster] = resources("dev", "AWS::RDS::DBCluster")
    pause = cluster.properties["ServerlessV2ScalingConfiguration"]["SecondsUntilAutoPause"]
    for name in ("RelayOutboxFunction", "PublishMetricsFunction"):
        given = deployment("dev").own[name].properties["Environment"]["Variables"]
        assert given["DATABASE_POOL_SIZE"] == 0
        assert given["DATABASE_DOZE_SECONDS"] > pause


def ceiling(deployed: str) -> int:
    """How many functions at once the queues of a deployment may take, all full."""
    mappings = resources(deployed, "AWS::Lambda::EventSourceMapping")
    return sum(int(one.properties["ScalingConfig"]["MaximumConcurrency"]) for one in mappings)


def test_the_operator_knows_how_many_functions_the_queues_may_take_at_once() -> None:
    """Lambda takes no ceiling below 2, so the 10 of a new account are never enough; 1,000 leave room for all else."""
    least = 2 * len(resources("dev", "AWS::Lambda::EventSourceMapping"))
    assert least <= ceiling("dev") <= least + 3 < ceiling("prod") < 100
    said = (PROJECT / "infra/DEPLOY.md").read_text()
    assert f"{ceiling('dev')} with `dev`, {ceiling('prod')} with `prod`" in said


def test_a_part_of_the_accounts_concurrency_can_be_kept_for_the_api() -> None:
    def kept(**given: str) -> object:
        return Stack(ROOT, given).own["ApiFunction"].properties.get("ReservedConcurrentExecutions")

    assert (kept(), kept(ApiReservedConcurrency="50")) == (None, 50)


def test_production_survives_the_loss_of_a_zone() -> None:
    assert len(resources("prod", "AWS::RDS::DBInstance")) == 2
    [cluster] = resources("prod", "AWS::RDS::DBCluster")
    assert cluster.properties["DeletionProtection"] in {True, "true"}
    assert cluster.properties["BackupRetentionPeriod"] >= 7
    [broker] = resources("prod", "AWS::ElastiCache::ReplicationGroup")
    assert broker.properties["NumCacheClusters"] == 2
    assert broker.properties["AutomaticFailoverEnabled"] is broker.properties["MultiAZEnabled"] is True
    for endpoint in resources("prod", "AWS::EC2::VPCEndpoint"):
        assert endpoint.properties["VpcEndpointType"] == "Gateway" or len(endpoint.properties["SubnetIds"]) == 2
    assert len(resources("prod", "AWS::EC2::NatGateway")) == 2


@pytest.mark.parametrize("deployed", sorted(presets()))
def test_fargate_has_tasks_of_that_size(deployed: str) -> None:
    """CPU units and MiB that go together: the task sizes of the developer guide of ECS."""
    for task in resources(deployed, "AWS::ECS::TaskDefinition"):
        cpu, memory = int(task.properties["Cpu"]), int(task.properties["Memory"])
        assert cpu in {256, 512, 1024, 2048, 4096, 8192, 16384}
        assert 2 * cpu <= memory <= 8 * cpu, task.path
        assert memory % (4096 if cpu == 8192 else 8192 if cpu == 16384 else 1024) == 0 or memory == 512


@pytest.mark.parametrize("deployed", sorted(presets()))
def test_a_fleet_can_be_as_large_as_allowed(deployed: str) -> None:
    """Subnets have addresses enough for all tasks, with as many again for a deployment of them."""
    tasks = sum(
        one.properties["MaxCapacity"] for one in resources(deployed, "AWS::ApplicationAutoScaling::ScalableTarget")
    )
    sizes = [int(one.properties["CidrBlock"].partition("/")[2]) for one in resources(deployed, "AWS::EC2::Subnet")]
    # AWS keeps five addresses of every subnet.
    assert 2 * tasks <= 2 * (2 ** (32 - max(sizes)) - 5)
