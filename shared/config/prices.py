"""What things are reckoned at."""

from __future__ import annotations

from pydantic import Field

from shared.config.base import Settings
from shared.prices import FARGATE_GB_HOUR, FARGATE_VCPU_HOUR, TEXTRACT_PAGE


class Prices(Settings):
    """What our own machines are reckoned at, in US dollars; those of others' engines stand below.

    Attributes:
        vcpu_hour_dollars: an hour of a vCPU of a worker; Fargate's list price unless set.
        gb_hour_dollars: an hour of a GB of its memory; likewise.
    """

    vcpu_hour_dollars: float = Field(default=FARGATE_VCPU_HOUR["x86_64"], ge=0)
    gb_hour_dollars: float = Field(default=FARGATE_GB_HOUR["x86_64"], ge=0)


class TextractPrice(Settings):
    """What Textract takes; shown beside every cost, whether it is enabled or not.

    Attributes:
        textract_page_dollars: price of a page; AWS' list price of DetectDocumentText for the first million a month, in
            us-east-1: https://aws.amazon.com/textract/pricing/
    """

    textract_page_dollars: float = Field(default=TEXTRACT_PAGE, ge=0)


class DeepSeekPrices(Settings):
    """What the model of the `deepseek` engine takes.

    Attributes:
        deepseek_input_dollars: price of a million tokens read; 0 for a server of one's own.
        deepseek_output_dollars: price of a million tokens written.
    """

    deepseek_input_dollars: float = Field(default=0, ge=0)
    deepseek_output_dollars: float = Field(default=0, ge=0)
