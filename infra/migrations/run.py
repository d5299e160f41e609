"""Bring a database to the newest revision."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from shared.config import Database


def config(database_url: str) -> Config:
    """The Alembic configuration for a database; it needs no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["database_url"] = Database(database_url=database_url).database_url
    return settings


def upgrade(database_url: str) -> None:
    """Create or migrate the tables; safe to repeat.

    Args:
        database_url: `postgresql://...` or `sqlite:///PATH`.
    """
    command.upgrade(config(database_url), "head")


def main() -> None:
    """Migrate the database of `DATABASE_URL`: `python -m infra.migrations.run`."""
    upgrade(Database().database_url)


if __name__ == "__main__":
    main()
