"""List prices that the product itself reckons with, in US dollars; everything else is in `infra.scaling.prices`.

AWS's, for us-east-1, before taxes, discounts and free tiers, looked up on 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# aws.amazon.com/fargate/pricing: a vCPU-hour and a GB-hour of memory; by the second, a minute at least.
FARGATE_VCPU_HOUR: Final[Mapping[str, float]] = MappingProxyType({"x86_64": 0.04048, "arm64": 0.03238})
FARGATE_GB_HOUR: Final[Mapping[str, float]] = MappingProxyType({"x86_64": 0.004445, "arm64": 0.00356})

# aws.amazon.com/textract/pricing: DetectDocumentText, a page of the first million of a month
TEXTRACT_PAGE: Final = 0.0015
