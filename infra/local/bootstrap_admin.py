"""The first admin key, made when there is none."""

from __future__ import annotations

from pathlib import Path

from infra.local.layout import Layout
from infra.local.state import write_atomically
from shared.bootstrap import services
from shared.errors import Unauthorized

ACCOUNT = "local"


def ensure_admin_key(data_dir: Path) -> str:
    """The admin key in `DATA_DIR/admin.key`; a new one if there is no file or the database does not know its key."""
    path = Layout(data_dir.absolute()).admin_key
    if path.exists() and _is_admin(key := path.read_text().strip()):
        return key
    created = services().keys.create(account=ACCOUNT, name="twolane up", role="admin")
    write_atomically(path, created.secret + "\n")
    return created.secret


def _is_admin(key: str) -> bool:
    try:
        return services().keys.authenticate(key).role == "admin"
    except Unauthorized:
        return False
