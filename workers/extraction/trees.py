"""XML from strangers, parsed so that it can do no harm, and walked by the local names of its elements.

No entity is expanded, no DTD is read, nothing is fetched, nothing nests or grows beyond what libxml2 takes by default;
what declares a document type at all is no invoice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from shared.errors import EInvoiceUnusable

_DOCTYPE: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_LONGEST_VALUE: Final = 2000


class Node:
    """An element, or nothing: whoever looks for what isn't there gets nothing, all the way down.

    Steps are local names: the standards changed their namespaces and prefixes, never their names.
    """

    def __init__(self, element: Any) -> None:
        self._element = element

    def __bool__(self) -> bool:
        return self._element is not None

    @property
    def name(self) -> str:
        """The local name; empty for nothing."""
        return _local(self._element) if self else ""

    @property
    def said(self) -> str:
        """The text right in it, in one line and of some length; empty for none."""
        return " ".join((self._element.text or "")[:_LONGEST_VALUE].split()) if self else ""

    def all(self, *steps: str) -> list[Node]:
        """Every element that these steps lead to; a step may name alternatives, `A|B`."""
        found = [self] if self else []
        for step in steps:
            names = step.split("|")
            found = [child for node in found for child in node.children() if child.name in names]
        return found

    def first(self, *steps: str) -> Node:
        """The first element that these steps lead to."""
        return next(iter(self.all(*steps)), Node(None))

    def text(self, *steps: str) -> str | None:
        """The text of the first element these steps lead to, in one line; None for nothing or nothing but spaces."""
        for node in self.all(*steps):
            if node.said:
                return node.said
        return None

    def attribute(self, name: str) -> str | None:
        """An attribute, by its local name."""
        return self._element.get(name) if self else None

    def children(self) -> Iterator[Node]:
        """The elements right below."""
        return (Node(child) for child in self._element if isinstance(child.tag, str))


def parse(xml: bytes) -> Node:
    """Parse XML.

    Raises:
        EInvoiceUnusable: it is not well-formed, not in the encoding it claims, or declares a document type.
    """
    if _DOCTYPE.search(xml.replace(b"\0", b"")):
        raise EInvoiceUnusable("The XML that the PDF carries declares a document type, which no invoice does.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise EInvoiceUnusable(f"The XML that the PDF carries can't be parsed: {error}.") from error
    if root is None or root.getroottree().docinfo.doctype:
        raise EInvoiceUnusable("The XML that the PDF carries declares a document type, which no invoice does.")
    return Node(root)


def _local(element: Any) -> str:
    name: str = element.tag
    return name.rpartition("}")[2]
