"""What AWS charges, in US dollars, before taxes, discounts and free tiers: one region, one day.

Every figure is AWS's list price for us-east-1; the page it belongs to stands beside it. `CONFIRMED` says which of them
pages of 2025 and 2026 quote, and which want a look at the price list itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.prices import FARGATE_GB_HOUR, FARGATE_VCPU_HOUR, TEXTRACT_PAGE

REGION: Final = "us-east-1"
AS_OF: Final = "2026-11-24"
"""The day they were looked up."""

HOURS_A_MONTH: Final = 730
MONTH_SECONDS: Final = HOURS_A_MONTH * 3600

# Fargate's prices, and Textract's below: from `shared.prices`, for the product tells what a document cost.
# AWS: "up to 70%" off, moving with supply; pages that watched it saw 50 to 70 %. The middle of that.
FARGATE_SPOT_DISCOUNT: Final = 0.6

# aws.amazon.com/lambda/pricing
LAMBDA_GB_SECOND: Final = MappingProxyType({"x86_64": 0.0000166667, "arm64": 0.0000133334})
LAMBDA_REQUEST: Final = 0.20 / 1e6
SNAPSTART_CACHE_GB_SECOND: Final = 0.0000015046
SNAPSTART_RESTORED_GB: Final = 0.0001397998

# aws.amazon.com/api-gateway/pricing: HTTP APIs, by 512 KB
HTTP_API_REQUEST: Final = 1.00 / 1e6

# aws.amazon.com/s3/pricing: Standard
S3_PUT: Final = 0.005 / 1000
S3_GET: Final = 0.0004 / 1000
S3_GB_MONTH: Final = 0.023

# aws.amazon.com/rds/aurora/pricing: Serverless v2, Aurora Standard
AURORA_ACU_HOUR: Final = 0.12
AURORA_GB_MONTH: Final = 0.10

# aws.amazon.com/elasticache/pricing: nodes for Valkey, on demand
VALKEY_NODE_HOUR: Final = MappingProxyType(
    {"cache.t4g.micro": 0.0128, "cache.t4g.small": 0.0256, "cache.t4g.medium": 0.052}
)

# aws.amazon.com/privatelink/pricing and aws.amazon.com/vpc/pricing
ENDPOINT_ZONE_HOUR: Final = 0.01
PUBLIC_IPV4_HOUR: Final = 0.005
NAT_GATEWAY_HOUR: Final = 0.045
NAT_GB: Final = 0.045

# aws.amazon.com/sqs/pricing, .../eventbridge/pricing, .../ses/pricing, .../xray/pricing
SQS_REQUEST: Final = 0.40 / 1e6
EVENT: Final = 1.00 / 1e6
SES_MAIL: Final = 0.10 / 1000
SES_GB: Final = 0.12
TRACE: Final = 5.00 / 1e6

# aws.amazon.com/cloudwatch/pricing
LOG_GB: Final = 0.50
METRIC_MONTH: Final = 0.30
ALARM_MONTH: Final = 0.10
DASHBOARD_MONTH: Final = 3.00

# aws.amazon.com/secrets-manager/pricing, aws.amazon.com/kms/pricing, aws.amazon.com/ecr/pricing
SECRET_MONTH: Final = 0.40
KMS_KEY_MONTH: Final = 1.00
ECR_GB_MONTH: Final = 0.10

TEXTRACT_THOUSAND_PAGES: Final = 1000 * TEXTRACT_PAGE

CONFIRMED: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "Fargate": True,
        "Fargate Spot": True,  # a range; the figure used is its middle
        "Lambda": True,
        "SnapStart": True,
        "HTTP API": True,
        "S3": True,
        "Aurora ACU-hour": True,
        "Valkey nodes": False,  # seen in one program's table only
        "interface endpoints": True,
        "public IPv4": True,
        "NAT gateways": True,
        "SQS": False,
        "EventBridge": False,
        "SES": False,
        "X-Ray": False,
        "CloudWatch": True,
        "Secrets Manager": False,
        "KMS": False,
        "ECR": False,
        "Textract": True,
    }
)


def task_hour(vcpu: float, memory_gb: float, architecture: str = "x86_64", spot_share: float = 0.0) -> float:
    """What a Fargate task costs in an hour.

    Args:
        vcpu: its size.
        memory_gb: likewise.
        architecture: `x86_64` or `arm64`.
        spot_share: the part (0-1) of such tasks that runs on Spot.

    Raises:
        KeyError: there is no such architecture.
    """
    on_demand = vcpu * FARGATE_VCPU_HOUR[architecture] + memory_gb * FARGATE_GB_HOUR[architecture]
    return on_demand * (1 - spot_share * FARGATE_SPOT_DISCOUNT)
