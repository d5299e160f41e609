"""Engines and models that others run."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from shared.config.addresses import ModelUrl
from shared.config.prices import DeepSeekPrices, TextractPrice


class DeepSeek(DeepSeekPrices):
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


class Textract(TextractPrice):
    """The `textract` engine: AWS' own, in the region of the workers.

    Attributes:
        textract_enabled: whether it may be used, which costs money.
        textract_monthly_dollars: what may be spent in a calendar month (UTC); beyond it pages fail.
        textract_rate: pages a second, of all workers together; 0 does not hold them. AWS holds an account to 1 in most
            regions and 25 in us-east-1 and us-west-2 unless asked for more, and says so: those pages wait.
        textract_job_seconds: how long a document that is read as a whole is waited for in one attempt; the next goes on
            waiting for the same.
    """

    textract_enabled: bool = False
    textract_monthly_dollars: float = Field(default=10, ge=0)
    textract_rate: float = Field(default=0, ge=0)
    textract_job_seconds: float = Field(default=1200, gt=0, le=1700)
