"""Where things lie: the checkout the stack runs from, and the data directory that holds everything it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside one data directory; `root` is absolute."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file: all state."""
        return self.root / "twolane.db"

    @property
    def database_url(self) -> str:
        """The database as `DATABASE_URL` wants it."""
        return f"sqlite:///{self.database}"

    @property
    def state(self) -> Path:
        """How to reach the running stack; present only while it runs."""
        return self.root / "stack.json"

    @property
    def lock(self) -> Path:
        """Held by the process that runs on this directory."""
        return self.root / "lock"

    @property
    def admin_key(self) -> Path:
        """The first admin key, mode 600."""
        return self.root / "admin.key"

    @property
    def ports(self) -> Path:
        """The ports chosen last time."""
        return self.root / "ports.json"

    @property
    def logs(self) -> Path:
        """One file a process, the previous run's beside it."""
        return self.root / "logs"

    @property
    def aws(self) -> Path:
        """What the emulator keeps: resources, zips, objects."""
        return self.root / "aws"

    @property
    def build(self) -> Path:
        """What `sam build` made for the emulator's interpreter."""
        return self.root / "build"

    @property
    def mail(self) -> Path:
        """The mails that would have left: one `.eml` file each, by the time they came."""
        return self.root / "mail"

    @property
    def sources(self) -> Path:
        """Documents the workers are reading right now."""
        return self.root / "sources"
