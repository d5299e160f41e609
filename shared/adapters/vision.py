"""Models behind an OpenAI-compatible endpoint: text and images in, text out.

What such servers (vLLM, SGLang, Ollama, most vendors) share: POST {base}/chat/completions with a model, messages and a
bearer key. https://platform.openai.com/docs/api-reference/chat/create

The operator names the endpoint, so it may be private and is not looked at with the guard for strangers' addresses; but
redirects are not followed, proxies and credentials of the environment are not used, certificates are verified, and
time and bytes of a call are capped as a whole. Each call has a connection of its own: a question lost on an old one
would leave open whether it will be charged.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NoReturn

import httpx

from shared.adapters.alarm import Alarm
from shared.adapters.outbound import seconds_to_wait
from shared.errors import (
    AnswerLost,
    EngineRefused,
    EngineUnavailable,
    EngineUnreachable,
    Throttled,
    TwolaneError,
    UnusableAnswer,
)

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""Of one answer: the longest a model writes (128k tokens with their logprobs) takes less."""

CONNECT_SECONDS: Final = 5.0

MAX_SAID: Final = 300
"""Characters of what a server says about an error that are passed on."""

_MAX_READ: Final = 4096
"""Bytes of it that are looked at."""

_TOO_LARGE: Final = 413
_NOT_NOW: Final = frozenset({408, 409, 425})
_NOT_FOR_US: Final = frozenset({401, 402, 403, 404, 405})
_REDIRECTS: Final = range(300, 400)
_THROTTLED: Final = 429
_SERVER_ERROR: Final = 500
_OK: Final = 200

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote.

    Attributes:
        text: of the first choice; may hold anything.
        finish_reason: `stop`, or `length` where it was cut off; None from servers that don't say.
        input_tokens: as the server counts them; None where it doesn't say.
        output_tokens: likewise.
        logprobs: each token with the natural logarithm of its probability; None where the server gives none.
        refusal: what it said instead of an answer.
    """

    text: str
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    logprobs: tuple[tuple[str, float], ...] | None = None
    refusal: str | None = None

    def require_whole(self) -> None:
        """Refuse an answer that is none, or only the beginning of one.

        Raises:
            UnusableAnswer: naming what is wrong with it.
        """
        if self.refusal or self.finish_reason == "content_filter":
            raise UnusableAnswer(f"The model refused to answer: {_short(self.refusal or 'its filter stopped it')}.")
        if self.finish_reason == "length":
            raise UnusableAnswer("The model's answer was cut off at the most tokens it may write; allow more of them.")


class ChatEndpoint:
    """A model behind an endpoint; may be used from several threads.

    Args:
        url: up to what `/chat/completions` follows, e.g. `https://api.example.com/v1`.
        model: as the server calls it.
        key: gives the bearer key when first needed; None for a server that asks for none.
        seconds: one call may take, from the first packet to the last byte.
        tls: verifies certificates; by the system's authorities (and `SSL_CERT_FILE`) if not given.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: Callable[[], str] | None = None,
        *,
        seconds: float = 60,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._find_key = key
        self._seconds = seconds
        self._given_tls = tls

    def chat(  # noqa: PLR0913  # what the API calls them, each with its own meaning
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        seconds: float | None = None,
        response_format: Mapping[str, Any] | None = None,
        logprobs: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> Completion:
        """Ask, once.

        Args:
            messages: of the conversation, each `{"role": ..., "content": ...}`.
            max_tokens: the model may write.
            seconds: the call may take, where less is left than usual.
            response_format: e.g. `{"type": "json_object"}`, or a schema.
            logprobs: ask how probable each token was.
            extra: what this server knows beside; goes into the body as it is.

        Raises:
            EngineUnavailable: the key, the model or the address is wrong (401-405).
            EngineRefused: it does not take this question (other 4xx), or redirects.
            Throttled: too much at once (429); `retry_after` is what it asks for.
            EngineUnreachable: no connection, 5xx; nothing was charged.
            AnswerLost: it was asked, and no answer came in time, or none that can be read.
            UnusableAnswer: the answer is too long to be one.
        """
        body: dict[str, Any] = {
            "model": self._model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": False,
            **({"response_format": dict(response_format)} if response_format else {}),
            **({"logprobs": True} if logprobs else {}),
            **(extra or {}),
        }
        return _completion(self._post(json.dumps(body).encode(), min(seconds or self._seconds, self._seconds)))

    @cached_property
    def _key(self) -> str | None:
        if self._find_key is None:
            return None
        key = self._find_key().strip()  # secrets made from files end with a line feed
        if not (key.isascii() and key.isprintable()):
            raise EngineUnavailable(
                "The key of the model's server holds what no header can; its operator must check it."
            )
        return key

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _post(self, body: bytes, seconds: float) -> bytes:
        """Send a body; return the answer's."""
        # An answer that comes as it is has the size it has: nothing unfolds in memory.
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        with Alarm(seconds) as alarm, httpx.Client(verify=self._tls, trust_env=False, timeout=timeout) as client:
            request = client.build_request(
                "POST", self._url, content=body, headers=headers, extensions={"trace": alarm.trace}
            )
            late = f"The model's server did not answer within {seconds:.1f} seconds."
            try:
                response = client.send(request, stream=True)
                with closing(response):
                    answer = _read(response)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise EngineUnreachable(f"The model's server can't be reached: {_short(str(error))}.") from error
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
                # Nothing was sent. What it says may quote the headers.
                raise EngineUnavailable("The model's server can't be asked so: check its address and key.") from error
            except (httpx.HTTPError, httpx.StreamError) as error:
                if alarm.rang or isinstance(error, httpx.TimeoutException):
                    raise AnswerLost(late) from error
                raise AnswerLost(f"The model's server broke off: {_short(str(error))}.") from error
            if alarm.rang:
                raise AnswerLost(late)  # an answer that ends with its connection seems whole
        if response.status_code != _OK:
            self._raise(response, answer)
        return answer

    def _raise(self, response: httpx.Response, answer: bytes) -> NoReturn:
        """Turn an answer that is none into our error; what it says is passed on, but never the key."""
        status = response.status_code
        said = _said(answer, self._key)
        if status in _NOT_FOR_US:
            # What it says here may quote the key.
            raise EngineUnavailable(
                f"The model's server answered {status}: its operator must check address, model, key and balance."
            )
        raise _error_of(status, said, response.headers.get("Retry-After"))


def image_message(prompt: str, media_type: str, encoded: str) -> Message:
    """A user's message: an image, then what to do with it.

    Args:
        prompt: the text.
        media_type: of the image, e.g. `image/png`.
        encoded: the image in base64.
    """
    image = {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{encoded}"}}
    return {"role": "user", "content": [image, {"type": "text", "text": prompt}]}


def _read(response: httpx.Response) -> bytes:
    answer = bytearray()
    for chunk in response.iter_raw():
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise UnusableAnswer(f"The model's server sent more than {MAX_ANSWER_BYTES // 1024**2} MiB.", micros=None)
    return bytes(answer)


def _error_of(status: int, said: str, retry_after: str | None) -> TwolaneError:
    if status == _THROTTLED:
        return Throttled(f"The model's server asks for a pause: {said}.", retry_after=seconds_to_wait(retry_after))
    if status >= _SERVER_ERROR or status in _NOT_NOW:
        wait = seconds_to_wait(retry_after)
        return EngineUnreachable(f"The model's server answered {status}: {said}.", retry_after=wait)
    if status == _TOO_LARGE:
        return EngineRefused("The model's server takes no question that large (413); send the page smaller.")
    if status in _REDIRECTS:
        return EngineRefused(f"The model's server redirects ({status}), which is not followed; give the last address.")
    return EngineRefused(f"The model's server refused the question ({status}): {said}.")


def _completion(answer: bytes) -> Completion:
    """Take an answer apart; nothing in it is trusted to be there, or to be what it should.

    Raises:
        AnswerLost: it is no chat completion.
    """
    try:
        said = json.loads(answer)
        choice = said["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
        refusal, reason = message.get("refusal"), choice.get("finish_reason")
        return Completion(
            text=text,
            finish_reason=reason if isinstance(reason, str) else None,
            input_tokens=_count(said, "prompt_tokens"),
            output_tokens=_count(said, "completion_tokens"),
            logprobs=_logprobs(choice.get("logprobs")),
            refusal=refusal if isinstance(refusal, str) else None,
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise AnswerLost("The model's server answered something else than a chat completion.") from error


def _text(content: Any) -> str:
    """The text of a message, which some servers send in parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _count(said: Any, name: str) -> int | None:
    usage = said.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count >= 0 else None


def _logprobs(said: Any) -> tuple[tuple[str, float], ...] | None:
    tokens = said.get("content") if isinstance(said, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    return tuple((str(token["token"]), min(float(token["logprob"]), 0.0)) for token in tokens)


def _said(answer: bytes, key: str | None) -> str:
    """What a server says about an error: `{"error": {"message": ...}}`, or whatever came; the key is blackened."""
    text = answer[:_MAX_READ].decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, TypeError, LookupError, RecursionError):
        text = text.partition("<")[0]  # the page of some gateway
    if key:
        # Before anything is cut off: the beginning of a key is told by nobody else.
        text = text.replace(key, "***")
    return _short(text) or "it said nothing"


def _short(text: str) -> str:
    """One line of printable text, of some length."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line[:MAX_SAID].rstrip(".")
