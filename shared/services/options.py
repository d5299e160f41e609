"""What a user may ask of a document, checked before anything is stored."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.errors import InvalidFilename
from shared.services import page_range

LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,30}")
MAX_LANGUAGES = 10
MAX_FILENAME = 255
MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 32
_UNSTORABLE = re.compile(r"(?<!\\)(\\\\)*\\u0000|[\ud800-\udfff]")
"""NUL as JSON spells it, and lone surrogates: PostgreSQL stores neither."""

URGENT = 10


def _languages(value: str) -> str:
    packs = value.split("+")
    if len(packs) > MAX_LANGUAGES or not all(LANGUAGE.fullmatch(pack) for pack in packs):
        message = f"write languages like eng or eng+deu, at most {MAX_LANGUAGES}"
        raise ValueError(message)
    return "+".join(dict.fromkeys(packs))


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    if _deeper(value, MAX_METADATA_DEPTH):
        message = f"metadata may be nested at most {MAX_METADATA_DEPTH} deep"
        raise ValueError(message)
    # Neither the database nor JSON as others read it has NaN or infinities.
    text = json.dumps(value, allow_nan=False)
    if len(text) > MAX_METADATA_BYTES:
        message = f"metadata takes at most {MAX_METADATA_BYTES} bytes as JSON"
        raise ValueError(message)
    if _UNSTORABLE.search(json.dumps(value, ensure_ascii=False)):
        message = "metadata must not hold NUL characters or halves of surrogate pairs"
        raise ValueError(message)
    return value


def _deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested deeper than `levels`."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)


class DocumentOptions(BaseModel):
    """The options of one document.

    Attributes:
        engine: what reads pages without usable text; `auto` chooses.
        languages: packs to read with, joined by `+`, most likely first.
        pages: a page range like `1-3,7,9-`; all pages if empty.
        text_layer: `use` takes text that a PDF page already carries, `ignore` reads every page anew.
        deskew: straighten slightly turned pages.
        rotate: turn pages that lie on their side or head.
        clean: even out light and lift contrast; for photos.
        denoise: remove specks and grain; for faxes and bad copies.
        normalize: bring small or coarse print to the size engines read best.
        crop: cut off dark borders and what lies around the page.
        extract: find the fields of an invoice or receipt once it is read.
        priority: 10 critical, 7-9 high, 4-6 normal, 1-3 low.
        urgent: the same as priority 10.
        password: opens an encrypted PDF; kept until the document is completed.
        callback_url: is told how the document ended; signed like a webhook.
        metadata: a JSON object of the user's own, given back as it is; 16 KiB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str = Field(default="auto", max_length=40)
    languages: Annotated[str, AfterValidator(_languages)] = "eng"
    pages: Annotated[str, AfterValidator(page_range.check)] | None = None
    text_layer: Literal["use", "ignore"] = "use"
    deskew: bool = False
    rotate: bool = False
    clean: bool = False
    denoise: bool = False
    normalize: bool = False
    crop: bool = False
    extract: Literal["none", "invoice"] = "none"
    priority: int = Field(default=5, ge=1, le=10)
    urgent: bool = False
    password: str | None = Field(default=None, min_length=1, max_length=127, pattern=r"^[^\x00]*$")
    callback_url: str | None = Field(default=None, min_length=1)
    metadata: Annotated[dict[str, Any], AfterValidator(_metadata)] = Field(default_factory=dict)

    @property
    def effective_priority(self) -> int:
        """The priority after `urgent`."""
        return URGENT if self.urgent else self.priority

    def reading(self) -> dict[str, Any]:
        """The options that change what is read: those a worker gets, and those that tell two documents apart."""
        return self.model_dump(include=READING)

    def content_key(self, sha256: str) -> str:
        """Digest of the bytes' digest and everything that changes their result."""
        what = json.dumps([sha256, self.reading(), self.password], sort_keys=True)
        return hashlib.sha256(what.encode()).hexdigest()


READING = {"engine", "languages", "pages", "text_layer", "deskew", "rotate", "clean", "denoise", "normalize", "crop"}


def clean_filename(name: str) -> str:
    r"""Return the last component of a file name, NFC; `C:\scans\a.png` and `../a.png` are `a.png`.

    Raises:
        InvalidFilename: nothing is left, it is too long, or it holds control characters.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        message = "The file name holds control characters; rename the file."
        raise InvalidFilename(message)
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1]).strip()
    if last in {"", ".", ".."}:
        message = "The file has no name."
        raise InvalidFilename(message)
    if len(last) > MAX_FILENAME:
        message = f"The file name has {len(last)} characters; at most {MAX_FILENAME} are taken."
        raise InvalidFilename(message)
    return last
