"""What is kept: encrypted at rest and on the way, private, and no longer than it is wanted."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.infra.deployments import ALL, MAKING_DATA, deployment, made_by, resources

BUCKET = "AWS::S3::Bucket"
BROKER = "AWS::ElastiCache::ReplicationGroup"


@pytest.mark.parametrize("deployed", ALL)
def test_no_bucket_is_public(deployed: str) -> None:
    for bucket in resources(deployed, BUCKET):
        assert bucket.properties["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        assert bucket.properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("deployed", ALL)
def test_documents_are_encrypted(deployed: str) -> None:
    for bucket in resources(deployed, BUCKET):
        [rule] = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}


@pytest.mark.parametrize("deployed", ALL)
def test_buckets_refuse_requests_without_tls(deployed: str) -> None:
    refusing = set()
    for policy in resources(deployed, "AWS::S3::BucketPolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
                refusing.add(policy.properties["Bucket"])
    assert refusing == {bucket.ref for bucket in resources(deployed, BUCKET)}


@pytest.mark.parametrize("deployed", ALL)
def test_what_was_given_up_or_deleted_is_not_paid_for_for_ever(deployed: str) -> None:
    for bucket in resources(deployed, BUCKET):
        rules = bucket.properties["LifecycleConfiguration"]["Rules"]
        for wanted in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker"):
            assert any(wanted in rule and rule["Status"] == "Enabled" for rule in rules), wanted


@pytest.mark.parametrize("deployed", ALL)
@pytest.mark.parametrize("prefix", ["uploads/", "messages/"])
def test_what_only_passes_through_the_bucket_does_not_stay(deployed: str, prefix: str) -> None:
    [bucket] = resources(deployed, BUCKET)
    rules = [rule for rule in bucket.properties["LifecycleConfiguration"]["Rules"] if rule.get("Prefix") == prefix]
    assert [rule["Status"] for rule in rules if rule["ExpirationInDays"]] == ["Enabled"]


@pytest.mark.parametrize("deployed", ALL)
def test_every_queue_is_encrypted(deployed: str) -> None:
    for queue in resources(deployed, "AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True or queue.properties["KmsMasterKeyId"]


@pytest.mark.parametrize("deployed", ALL)
def test_every_log_group_forgets(deployed: str) -> None:
    for group in resources(deployed, "AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] > 0


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_the_database_is_encrypted_at_rest_and_on_the_way(deployed: str) -> None:
    [cluster] = resources(deployed, "AWS::RDS::DBCluster")
    assert cluster.properties["StorageEncrypted"] is True
    parameters = made_by(deployed, cluster.properties["DBClusterParameterGroupName"])
    assert parameters.properties["Parameters"]["rds.force_ssl"] == "1"
    url = urlsplit(deployment(deployed).nested["Data"].outputs["DatabaseUrl"])
    assert parse_qs(url.query)["sslmode"][0] in {"require", "verify-ca", "verify-full"}


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_the_broker_is_encrypted_asks_for_a_token_and_forgets_nothing(deployed: str) -> None:
    [broker] = resources(deployed, BROKER)
    assert broker.properties["AtRestEncryptionEnabled"] is True
    assert broker.properties["TransitEncryptionEnabled"] is True
    assert broker.properties["TransitEncryptionMode"] == "required"
    assert broker.properties["AuthToken"].startswith("{{resolve:secretsmanager:")
    parameters = made_by(deployed, broker.properties["CacheParameterGroupName"])
    assert parameters.properties["Properties"]["maxmemory-policy"] == "noeviction"
    url = urlsplit(deployment(deployed).nested["Data"].outputs["RedisUrl"])
    assert (url.scheme, parse_qs(url.query)["ssl_cert_reqs"]) == ("rediss", ["required"])


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_the_broker_is_no_cluster(deployed: str) -> None:
    """Celery's transport knows no clusters."""
    [broker] = resources(deployed, BROKER)
    assert not {"NumNodeGroups", "ReplicasPerNodeGroup"} & set(broker.properties)


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_secrets_are_made_up_by_aws_and_fit_into_a_url(deployed: str) -> None:
    for secret in resources(deployed, "AWS::SecretsManager::Secret"):
        assert "SecretString" not in secret.properties
        made_up = secret.properties["GenerateSecretString"]
        assert made_up["GenerateStringKey"] == "password"
        assert made_up["PasswordLength"] >= 32
        assert made_up["ExcludePunctuation"] is True


@pytest.mark.parametrize("deployed", ALL)
def test_a_signing_secret_that_is_brought_takes_the_place_of_one_of_the_stacks_own(deployed: str) -> None:
    """The restored database of a stack that was deleted goes with its secret, or every webhook's secret is another."""
    brought = deployment(deployed).parameters["SigningSecretArn"]
    used = deployment(deployed).outputs["SigningSecretArn"]
    made = [one for one in deployment(deployed).all("AWS::SecretsManager::Secret") if one.path == "SigningSecret"]
    assert [one.ref for one in made] == ([] if brought else [used])
    assert used == brought or made
    for name in ("ApiFunction", "SendEmailFunction", "DeliverWebhookFunction"):
        given = deployment(deployed).own[name].properties["Environment"]["Variables"]
        assert given["SIGNING_SECRET_ARN"] == used


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_images_are_scanned_and_never_change_under_their_name(deployed: str) -> None:
    for repository in resources(deployed, "AWS::ECR::Repository"):
        assert repository.properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository.properties["ImageTagMutability"] == "IMMUTABLE"
        assert repository.properties["EncryptionConfiguration"]["EncryptionType"] in {"AES256", "KMS"}
        assert "RepositoryPolicyText" not in repository.properties


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_as_many_releases_are_kept_as_were_asked_for(deployed: str) -> None:
    """A release is one tag. Its manifests have none of their own, and are not counted."""
    for repository in resources(deployed, "AWS::ECR::Repository"):
        rules = json.loads(repository.properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        selections = {rule["rulePriority"]: rule["selection"] for rule in rules}
        assert selections[1] == {
            "tagStatus": "tagged",
            "tagPatternList": ["*"],
            "countType": "imageCountMoreThan",
            "countNumber": deployment(deployed).parameters["ImagesKept"],
        }
        assert all(one["tagStatus"] == "untagged" for priority, one in selections.items() if priority != 1)


@pytest.mark.parametrize("deployed", ALL)
def test_names_of_ones_own_are_served_with_a_tls_of_today(deployed: str) -> None:
    for domain in deployment(deployed).all("AWS::ApiGatewayV2::DomainName"):
        assert {one["SecurityPolicy"] for one in domain.properties["DomainNameConfigurations"]} == {"TLS_1_2"}
