"""Full-text search: which documents hold every word asked for.

A document is found when each term of the question stands on one of its pages: a word, a `"phrase in quotes"`, the
beginning of a word (`harb*`), or, with a minus before it, a term that stands on none of them. Case does not matter;
accents do. Languages written without spaces are found by phrases and beginnings alone: neither index knows their words.
PostgreSQL answers from a GIN index over `to_tsvector('simple', ...)`, SQLite from FTS5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import category

from sqlalchemy import ColumnElement, Select, and_, cast, column, exists, func, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import REGCONFIG

from shared.errors import InvalidOption
from shared.models import Document, Page

MAX_LENGTH = 200
MAX_TERMS = 10

SEARCHED_CHARACTERS = 100_000
"""Of a page, on PostgreSQL: more distinct words than that do not fit into a tsvector (1 MB). A dense page has 8,000."""

_TERM = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_IN_WORDS = ("L", "N", "M", "Cf")
"""General categories, or their first letters, of what words are made of: letters, digits, marks on them, joiners.

Each index parts the words of the question by its own rules, which are those it parted the pages by.
"""

_PUNCTUATION = r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~""".replace("'", "''")
"""As SQL writes it. Left to itself, PostgreSQL's parser takes addresses, paths and signed numbers for words."""

_BLANKS = " " * (len(_PUNCTUATION) - 1)

INDEXED = (
    f"""to_tsvector('simple', translate(left(pages."text", {SEARCHED_CHARACTERS}), '{_PUNCTUATION}', '{_BLANKS}'))"""
)
"""What PostgreSQL's index holds of a page."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: words that follow each other, the last perhaps only begun."""

    words: tuple[str, ...]
    begun: bool = False
    unwanted: bool = False


def parse(question: str) -> list[Term]:
    """Read a question.

    Raises:
        InvalidOption: there is no word in it, or more terms than are looked for, or only what is not wanted.
    """
    terms = [term for match in _TERM.finditer(question) if (term := _term(match)).words]
    if not terms or all(term.unwanted for term in terms):
        message = 'Write in `q` what to look for: words, a "phrase", the beginning of a word with * after it.'
        if terms:
            message += " A term with a minus only leaves out some of what the others find."
        raise InvalidOption(message, errors=[{"field": "q", "message": "asks for nothing"}])
    if len(terms) > MAX_TERMS:
        message = f"`q` has {len(terms)} terms; at most {MAX_TERMS} are looked for."
        raise InvalidOption(message, errors=[{"field": "q", "message": f"more than {MAX_TERMS} terms"}])
    return terms


def conditions(question: str, dialect: str) -> list[ColumnElement[bool]]:
    """Say which documents a question finds, as conditions on `Document`.

    Args:
        question: as the user wrote it.
        dialect: `postgresql` or `sqlite`.

    Raises:
        InvalidOption: it asks for nothing.
    """
    on_a_page = _in_postgresql if dialect == "postgresql" else _in_sqlite
    found = ((term, exists(on_a_page(term))) for term in parse(question))
    return [~condition if term.unwanted else condition for term, condition in found]


def _term(match: re.Match[str]) -> Term:
    said = match["word"] if match["phrase"] is None else match["phrase"]
    words = tuple(_words(said))
    return Term(words, begun=said.endswith("*"), unwanted=match["minus"] is not None)


def _words(said: str) -> Iterator[str]:
    bare = "".join(letter if category(letter).startswith(_IN_WORDS) else " " for letter in said)
    return (word for word in bare.split() if any(map(str.isalnum, word)))


def _in_postgresql(term: Term) -> Select[int]:
    simple = cast(literal_column("'simple'"), REGCONFIG)
    *before, last = (f"'{word}'" for word in term.words)  # no signs are in them, so quotes need no care
    question = " <-> ".join([*before, f"{last}:*" if term.begun else last])
    said: ColumnElement[str] = literal_column(INDEXED)
    return (
        select(literal(1))
        .select_from(Page)
        .where(Page.document_id == Document.id, said.bool_op("@@")(func.to_tsquery(simple, question)))
        .correlate(Document)
    )


def _in_sqlite(term: Term) -> Select[int]:
    index = table("pages_search", column("rowid"), column("pages_search"))
    question = f'"{" ".join(term.words)}"' + (" *" if term.begun else "")
    return (
        select(literal(1))
        .select_from(Page)
        .where(
            and_(
                Page.document_id == Document.id,
                literal_column("pages.rowid").in_(
                    select(index.c.rowid).where(index.c.pages_search.bool_op("MATCH")(question))
                ),
            )
        )
        .correlate(Document)
    )
