"""API keys as they travel over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from uuid import UUID

from pydantic import BaseModel, Field

from functions.api.schemas import Strict, UtcTime
from shared.values import KeyName, Role

if TYPE_CHECKING:
    from shared.models import Account, ApiKey


class KeyRequest(Strict):
    """Asks for a key."""

    name: KeyName = Field(description="What the key is for.")
    account: KeyName | None = Field(default=None, description="Whose it is; made if new. Without it: your own account.")
    role: Role = Field(default="user", description="`user` sees its account's documents, `admin` operates the service.")


class KeyOut(BaseModel):
    """A key without its secret; `hint` is the secret's end."""

    id: UUID
    name: str
    role: Role
    account: str
    account_id: UUID
    hint: str
    created_at: UtcTime

    @classmethod
    def of(cls, row: ApiKey, account: Account) -> Self:
        """Show a key."""
        role: Role = "admin" if row.role == "admin" else "user"
        return cls(
            id=row.id,
            name=row.name,
            role=role,
            account=account.name,
            account_id=account.id,
            hint=row.hint,
            created_at=row.created_at,
        )


class KeyCreated(KeyOut):
    """A key just made."""

    key: str | None = Field(
        default=None,
        description="The secret: shown now and never again. Null in a replay by Idempotency-Key, for it is not kept.",
    )


class KeyList(BaseModel):
    """Keys, oldest first."""

    items: list[KeyOut]
    next_cursor: str | None


class KeyQuery(Strict):
    """Which keys to list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
