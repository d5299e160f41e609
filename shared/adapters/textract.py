"""Text in pictures and PDFs: Amazon Textract.

Its limits: 10 MB and 10,000 pixels a side for a picture sent along, 500 MB and 3,000 pages for a PDF or TIFF in S3.
https://docs.aws.amazon.com/textract/latest/dg/limits-document.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal, cast

from botocore.exceptions import ClientError

from shared.adapters import aws
from shared.errors import AnswerLost, EngineRefused, EngineUnavailable, EngineUnreachable

MAX_IMAGE_BYTES: Final = 10_000_000
MAX_IMAGE_SIDE: Final = 10_000
MAX_STORED_BYTES: Final = 500_000_000
MAX_STORED_PAGES: Final = 3000

SECONDS: Final = 30
"""A page takes it a second or two; a wait as long as this is none."""

_NOT_FOR_US: Final = frozenset(
    {"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"}
)
"""Codes that speak of our role, and say nothing about the page."""

Block = dict[str, Any]
"""As Textract sends it: https://docs.aws.amazon.com/textract/latest/dg/API_Block.html"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `blocks` come once it is done, some at a time, and `more` asks for the next."""

    state: Literal["running", "done", "failed"]
    blocks: Sequence[Block] = ()
    more: str | None = None
    said: str = ""


class Textract:
    """Detects text; may be used from several threads."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._made: Any = None

    def detect(self, image: bytes) -> list[Block]:
        """Read one picture, PNG or JPEG.

        Raises:
            EngineUnavailable: this role may not.
            EngineRefused: it does not read such a picture.
            Throttled: not now.
            EngineUnreachable: it was not read; AnswerLost: it may have been.
        """
        with self._errors():
            return _blocks(self._client.detect_document_text(Document={"Bytes": image}))

    def start(self, bucket: str, key: str, token: str) -> str:
        """Begin to read a stored PDF or TIFF; return the job. The same token gives the same job, for seven days.

        Raises:
            As `detect`.
        """
        where = {"S3Object": {"Bucket": bucket, "Name": key}}
        with self._errors():
            started = self._client.start_document_text_detection(DocumentLocation=where, ClientRequestToken=token)
            return str(started["JobId"])

    def progress(self, job: str, more: str | None = None) -> Progress:
        """Ask how far a job is.

        Args:
            job: of `start`.
            more: of the progress before, where it had some.

        Raises:
            As `detect`.
        """
        with self._errors():
            asked = {"JobId": job, "MaxResults": 1000, **({"NextToken": more} if more else {})}
            said = self._client.get_document_text_detection(**asked)
            status = said.get("JobStatus")
            if status == "IN_PROGRESS":
                return Progress("running")
            if status not in {"SUCCEEDED", "PARTIAL_SUCCESS"}:
                return Progress("failed", said=str(said.get("StatusMessage") or status)[:300])
            return Progress("done", _blocks(said), said.get("NextToken"))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with aws.our_errors("Textract", EngineUnreachable, EngineRefused, AnswerLost):
                yield
        except EngineRefused as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"].get("Code") in _NOT_FOR_US:
                message = "Textract may not be used with this role: its operator must allow it textract's actions."
                raise EngineUnavailable(message) from cause
            raise
        except (KeyError, TypeError) as error:
            message = "Textract answered something else than was asked for."
            raise AnswerLost(message) from error

    @property
    def _client(self) -> Any:
        with self._turn:
            if self._made is None:
                self._made = aws.client("textract", seconds=SECONDS)
            return self._made


def _blocks(said: Any) -> list[Block]:
    return cast("list[Block]", list(said["Blocks"]))
