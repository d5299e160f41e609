"""The schema of ALTO 4.4, without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

_SCHEMAS = Path(__file__).parent / "schemas"


class _Local(etree.Resolver):  # type: ignore[misc]  # lxml publishes no types
    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        del public_id
        return self.resolve_filename(str(_SCHEMAS / str(system_url).rpartition("/")[2]), context)


@cache
def schema() -> etree.XMLSchema:
    """The schema, compiled."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Local())
    return etree.XMLSchema(etree.parse(_SCHEMAS / "alto-4-4.xsd", parser))


def checked(document: bytes) -> Any:
    """The root of a document that is valid ALTO 4.4."""
    root = etree.fromstring(document)
    schema().assertValid(root)
    return root
