"""The `deepseek` engine: DeepSeek-OCR, or any vision model behind an OpenAI-compatible endpoint.

The model is shown the page as PNG and asked with `DEEPSEEK_PROMPT`; `model_text` makes words of what it writes.
"""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import replace
from functools import cached_property

from shared.adapters import secrets
from shared.adapters.vision import ChatEndpoint, Completion, image_message
from shared.config import ConfigurationError, DeepSeek
from shared.errors import EngineUnavailable, UnusableAnswer
from shared.services.budgets import micros_of
from workers.ocr.calls import Terms
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.engines import model_text

_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


class DeepSeekEngine:
    """A vision model, as the settings `DEEPSEEK_*` name it; needs no language packs."""

    name = "deepseek"
    remote = True

    def __init__(self) -> None:
        self._settings = DeepSeek()

    def version(self) -> str:
        """Return the model's name.

        Raises:
            EngineUnavailable: no endpoint is configured.
        """
        if self._settings.deepseek_url is None:
            raise EngineUnavailable(
                "The engine deepseek is not configured: set DEEPSEEK_URL, DEEPSEEK_MODEL and a key."
            )
        return self._settings.deepseek_model

    def languages(self) -> tuple[str, ...]:
        """Return no languages: it needs no packs."""
        return ()

    def prepare(self) -> None:
        """Load nothing."""

    def terms(self) -> Terms:
        """Return what it may be asked, and what a page costs at most."""
        settings = self._settings
        most = self._micros(settings.deepseek_input_tokens, settings.deepseek_max_tokens)
        return Terms(settings.deepseek_rate, micros_of(settings.deepseek_monthly_dollars), most)

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page, in one call.

        Raises:
            EngineUnavailable: it is not configured, or its key is wrong.
            EngineRefused, UnusableAnswer: asking again changes nothing.
            Throttled, EngineUnreachable: later, perhaps.
            AnswerLost: likewise, but it may have been charged.
        """
        self.version()
        file = page.file()
        encoded = b64encode(file.read_bytes()).decode()
        completion = self._endpoint.chat(
            [image_message(self._settings.deepseek_prompt, _MEDIA_TYPES.get(file.suffix, "image/png"), encoded)],
            max_tokens=self._settings.deepseek_max_tokens,
            seconds=options.timeout,
            logprobs=self._settings.deepseek_logprobs,
            extra=self._settings.deepseek_extra,
        )
        micros = self._price(completion)
        try:
            model_text.refuse_nonsense(completion.text)  # of an answer that was cut off, why it was
            completion.require_whole()
            found = model_text.read(completion.text, model_text.Page(page.width, page.height), completion.logprobs)
        except UnusableAnswer as error:
            error.micros = micros
            raise
        return replace(found, micros=micros)

    @cached_property
    def _endpoint(self) -> ChatEndpoint:
        settings = self._settings
        return ChatEndpoint(
            settings.deepseek_url or "",
            settings.deepseek_model,
            self._key if settings.deepseek_key or settings.deepseek_secret_arn else None,
            seconds=settings.deepseek_timeout_seconds,
        )

    def _key(self) -> str:
        if self._settings.deepseek_secret_arn is None:
            return self._settings.deepseek_key or ""
        try:
            return secrets.model_key(self._settings.deepseek_secret_arn, "DEEPSEEK_SECRET_ARN")
        except ConfigurationError as error:
            raise EngineUnavailable(f"The engine deepseek can't be used here. {error}") from error

    def _price(self, completion: Completion) -> int:
        """What an answer cost; what was reckoned with, where the server doesn't count."""
        read, wrote = completion.input_tokens, completion.output_tokens
        return self._micros(
            self._settings.deepseek_input_tokens if read is None else read,
            self._settings.deepseek_max_tokens if wrote is None else wrote,
        )

    def _micros(self, read: int, wrote: int) -> int:
        """Tokens in millionths of a dollar; the price of a million in dollars is that of one in these."""
        settings = self._settings
        return math.ceil(read * settings.deepseek_input_dollars + wrote * settings.deepseek_output_dollars)
