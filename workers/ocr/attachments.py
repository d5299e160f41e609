"""The invoice a PDF carries beside its pages: XML by ZUGFeRD, Factur-X or XRechnung, attached as a file.

Whatever it is called, it is an invoice if it begins like one; that also finds what carries the relation `Data` under a
name of its own. Runs in the reading process: what is attached is as untrusted as the pages are.
"""

from __future__ import annotations

import ctypes
import logging
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from shared.config import MIB

log = logging.getLogger(__name__)

LARGEST: Final = 5 * MIB
"""Of the XML; invoices of thousands of lines have less than one."""

_NAMES: Final = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
"""What the standards call it."""

_MOST_ATTACHMENTS: Final = 100
"""Files that are looked at."""

_BEGINNING: Final = 4096
"""Bytes within which the root element begins."""

_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?(?:CrossIndustryInvoice|CrossIndustryDocument|Invoice|CreditNote)[\s>]")
"""Root elements of UN/CEFACT's and OASIS' invoices; an encoding of two bytes is made one first."""


def carries_invoice(pdf: pypdfium2.PdfDocument, path: Path, password: str | None) -> bool:
    """Tell whether an open PDF has an invoice attached; only one with XML of another name is opened once more."""
    count = min(pdfium.FPDFDoc_GetAttachmentCount(pdf), _MOST_ATTACHMENTS)
    names = [_name(pdfium.FPDFDoc_GetAttachment(pdf, index)) for index in range(count)]
    if any(name in _NAMES for name in names):
        return True
    return any(name.endswith(".xml") for name in names) and invoice_xml(path, password) is not None


def invoice_xml(path: Path, password: str | None) -> bytes | None:
    """Return the XML of the invoice that a PDF carries.

    Returns:
        None if it carries none, if that has more than `LARGEST` bytes, or is stored in a way nobody needs.
    """
    import pikepdf  # noqa: PLC0415  # few files have attachments, and it takes a tenth of a second to load

    try:
        with pikepdf.open(path, password=password or "") as pdf:
            for stream in _candidates(pdf):
                xml = _inflated(stream)
                if xml is not None and _ROOT.search(xml[:_BEGINNING].replace(b"\0", b"")):
                    return xml
    except Exception as error:  # noqa: BLE001  # pikepdf raises as many kinds as there are ways to be damaged
        log.info("what is attached to the PDF can't be read: %s", error)
    return None


def _candidates(pdf: Any) -> Iterator[Any]:
    """Yield the streams of attached XML files, those of a name that a standard gives first."""
    found = []
    for index, (name, attachment) in enumerate(pdf.attachments.items()):
        if index == _MOST_ATTACHMENTS:
            break
        if name.lower().endswith(".xml"):
            found.append((name.lower() not in _NAMES, index, attachment))
    for _, _, attachment in sorted(found, key=lambda entry: entry[:2]):
        yield attachment.get_file().obj


def _inflated(stream: Any) -> bytes | None:
    """Return what a stream holds, never more than `LARGEST` bytes: 200 MB of zeros deflate to 200 KB.

    Attachments are deflated or plain; what comes in another filter, whose size shows too late, is left alone.
    """
    import pikepdf  # noqa: PLC0415  # as above

    if int(stream.get("/Length", 0)) > LARGEST:
        return None
    raw: bytes = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    if filters is None:
        return raw if len(raw) <= LARGEST else None
    names = [filters] if isinstance(filters, pikepdf.Name) else list(filters)
    if [str(name) for name in names] != ["/FlateDecode"] or "/DecodeParms" in stream:
        return None
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(raw, LARGEST + 1)
    except zlib.error:
        return None
    return body if len(body) <= LARGEST else None


def _name(attachment: Any) -> str:
    """The file name of one of pdfium's attachments, in small letters."""
    size = pdfium.FPDFAttachment_GetName(attachment, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAttachment_GetName(attachment, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0").lower()
