"""Full-text search finds the same on both databases."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.errors import InvalidOption
from shared.models import Document, Page, PageStatus
from shared.services import search
from shared.services.documents import Documents
from shared.values import Filter
from tests.support.rows import Rows

LETTER = "The Harbour of Port Ellery, invoice 58-113, total 1,234.50 €"
NOTES = "Müller\nlog_file, straße: foo.bar@x.de; it's C:\\scans"


@pytest.fixture
def letter(rows: Rows) -> Document:
    """A document of two pages, beside another that only says `harbour`."""
    document, other = rows.document(), rows.document()
    for row, number, said in ((document, 1, LETTER), (document, 2, NOTES), (other, 1, "harbour again")):
        add_page(rows, row.id, number, said)
    return document


def add_page(rows: Rows, document_id: UUID, number: int, said: str | None) -> None:
    with rows.database.write() as work:
        work.session.add(Page(document_id=document_id, number=number, status=PageStatus.DONE, text=said))


def found(database: Database, question: str) -> set[UUID]:
    with database.read() as session:
        query = select(Document.id).where(*search.conditions(question, database.dialect))
        return set(session.scalars(query))


@pytest.mark.parametrize(
    "question",
    [
        *("ellery", "ELLERY", "ell*", '"port ellery"', '"port ell*"', "invoice 58", "58-113", "1,234.50", '"1,234.50"'),
        *("müller", "Müller invoice", "log", "log_file", "foo.bar@x.de", "foo bar", "straße", "harbour -again", "it's"),
        *(r"c:\scans", 'ellery "', '"of port" -"ellery port"'),
    ],
)
def test_a_document_is_found_by_what_its_pages_say(database: Database, letter: Document, question: str) -> None:
    assert found(database, question) == {letter.id}


@pytest.mark.parametrize(
    "question", ["muller", "eller", '"ellery port"', "harbour -port -again", "nowhere", "ellery y"]
)
def test_it_is_not_found_by_what_they_do_not_say(database: Database, letter: Document, question: str) -> None:
    assert letter.id not in found(database, question)


@pytest.mark.parametrize("question", ["", "  ", '""', "-", "-harbour", "!?", "*", " ".join("abcdefghijk")])
def test_a_question_that_asks_for_nothing_is_refused(question: str) -> None:
    with pytest.raises(InvalidOption, match="`q`"):
        search.conditions(question, "sqlite")


@pytest.mark.parametrize(
    "question", ["a' OR 1=1", 'x") OR ("y', "NEAR(a b)", "text:harbour", "a & b | !c", "%_", "<->", "a:*b"]
)
def test_operators_of_the_databases_are_words_like_others(database: Database, letter: Document, question: str) -> None:
    try:
        assert letter.id not in found(database, question)
    except InvalidOption:
        assert not any(character.isalnum() for character in question)


@pytest.mark.parametrize("said", ["हिन्दी", "नमस्ते दुनिया", "e\u0301tude", "த்தமிழ்", "שָׁלוֹם", "ภาษาไทย"])
def test_marks_that_belong_to_letters_part_no_words(database: Database, rows: Rows, said: str) -> None:
    document, other = rows.document(), rows.document()
    add_page(rows, document.id, 1, f"before {said}, after")
    add_page(rows, other.id, 1, "before ह, after")
    assert found(database, said) == {document.id}


@pytest.mark.usefixtures("letter")
def test_what_changes_and_goes_is_found_no_longer(database: Database, rows: Rows, letter: Document) -> None:
    with database.write() as work:
        work.session.execute(update(Page).where(Page.document_id == letter.id, Page.number == 1).values(text="a quay"))
    assert found(database, "ellery") == set()
    assert found(database, "quay") == {letter.id}
    with database.write() as work:
        work.session.execute(text("DELETE FROM documents"))
    assert found(database, "quay müller") == set()
    again = rows.document()
    add_page(rows, again.id, 1, "a quay")
    assert found(database, "quay") == {again.id}


def test_a_page_of_ever_new_words_is_kept_and_found_by_its_beginning(database: Database, rows: Rows) -> None:
    said = " ".join(f"{number:x}\U00020000\U0001d11e\u4e2d{number}" for number in range(40_000))
    document = rows.document()
    add_page(rows, document.id, 1, "first " + said)
    assert found(database, "first") == {document.id}


def test_the_index_of_postgresql_serves_the_question(database: Database, letter: Document) -> None:
    del letter
    if database.dialect != "postgresql":
        assert found(database, "ellery")
        return
    query = select(Document.id).where(*search.conditions("ellery", database.dialect))
    compiled = query.compile(database.engine, compile_kwargs={"literal_binds": True})
    with database.read() as session:
        # What else would do for so few rows, whatever the statistics of the moment say.
        for way in ("seqscan", "nestloop", "indexscan", "indexonlyscan"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = session.connection().exec_driver_sql(f"EXPLAIN {compiled}").scalars().all()
    assert any("ix_pages_text_search" in line for line in plan)


def test_an_account_finds_its_own_documents(
    database: Database, s3_store: S3Store, rows: Rows, letter: Document
) -> None:
    documents = Documents(database, s3_store)
    mine, cursor = documents.list(letter.account_id, Filter(q="harbour"), 10, None)
    assert ([row.id for row in mine], cursor) == ([letter.id], None)
    assert documents.list(rows.account(), Filter(q="harbour"), 10, None) == ([], None)
