"""Whether a PDF is signed: a change would break its signature, so that it is given out as it came."""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)

_SIGNED_BYTES: Final = b"/ByteRange"
"""What a signature says it covers. It stands in the file as it is: a signature can't cover what is packed with it."""

_DEPTH: Final = 32
_MOST_FIELDS: Final = 20_000
"""Fields of a form that are looked at; one with more is taken for signed, as its bytes say."""


def signed(path: Path, password: str | None) -> bool:
    """Tell whether a field of the PDF's form holds a signature; one that is yet to be signed holds none.

    pdfium counts fields that are empty as well, and none that lie below others; this goes through the form.
    """
    if not _mentions_signature(path):
        return False
    import pikepdf  # noqa: PLC0415  # few files get here, and it takes a tenth of a second to load

    try:
        with pikepdf.open(path, password=password or "") as pdf:
            form: Any = pdf.Root.get("/AcroForm", {})
            return any(_is_signature(value) for value in _values(form.get("/Fields", ())))
    except Exception as error:  # noqa: BLE001  # pikepdf raises as many kinds as there are ways to be damaged
        log.info("the PDF is taken for signed, as its form can't be looked through: %s", error)
        return True


def _mentions_signature(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        return body.find(_SIGNED_BYTES) >= 0


def _is_signature(value: Any) -> bool:
    return "/ByteRange" in value


def _values(fields: Any) -> Iterator[Any]:
    """Yield the values of fields for signatures, however deep; what kind a field is, it may inherit.

    Raises:
        ValueError: there are too many, or they bite their tail.
    """
    waiting = [(field, None, _DEPTH) for field in fields]
    looked = 0
    while waiting:
        field, inherited, depth = waiting.pop()
        looked += 1
        if looked > _MOST_FIELDS or depth == 0:
            message = "its form has no end"
            raise ValueError(message)
        kind = field.get("/FT", inherited)
        if str(kind) == "/Sig" and "/V" in field:
            yield field.V
        waiting += [(child, kind, depth - 1) for child in field.get("/Kids", ())]
