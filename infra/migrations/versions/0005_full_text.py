"""Full-text search over what pages say."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What `shared.services.search` asks for, to the letter, or the index would not serve it.
POSTGRESQL = r"""
CREATE INDEX ix_pages_text_search ON pages USING gin (to_tsvector('simple', translate(left("text", 100000),
  '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                ')))
"""

# The table keeps an index alone; the text stays in `pages`, whose rowid leads to it. VACUUM may renumber rowids: after
# one, INSERT INTO pages_search(pages_search) VALUES ('rebuild').
SQLITE = (
    """
    CREATE VIRTUAL TABLE pages_search USING fts5(
      "text", content='pages', tokenize='unicode61 remove_diacritics 0', detail=full
    )
    """,
    "INSERT INTO pages_search(pages_search) VALUES ('rebuild')",
    """
    CREATE TRIGGER pages_search_inserted AFTER INSERT ON pages WHEN new."text" IS NOT NULL BEGIN
      INSERT INTO pages_search(rowid, "text") VALUES (new.rowid, new."text");
    END
    """,
    """
    CREATE TRIGGER pages_search_deleted AFTER DELETE ON pages WHEN old."text" IS NOT NULL BEGIN
      INSERT INTO pages_search(pages_search, rowid, "text") VALUES ('delete', old.rowid, old."text");
    END
    """,
    """
    CREATE TRIGGER pages_search_updated_from AFTER UPDATE OF "text" ON pages WHEN old."text" IS NOT NULL BEGIN
      INSERT INTO pages_search(pages_search, rowid, "text") VALUES ('delete', old.rowid, old."text");
    END
    """,
    """
    CREATE TRIGGER pages_search_updated_to AFTER UPDATE OF "text" ON pages WHEN new."text" IS NOT NULL BEGIN
      INSERT INTO pages_search(rowid, "text") VALUES (new.rowid, new."text");
    END
    """,
)


def upgrade() -> None:
    """Go to this revision."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL)
        return
    for statement in SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Go back to the revision before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_pages_text_search")
        return
    for trigger in ("inserted", "deleted", "updated_from", "updated_to"):
        op.execute(f"DROP TRIGGER pages_search_{trigger}")
    op.execute("DROP TABLE pages_search")
