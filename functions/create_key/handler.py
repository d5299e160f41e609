"""An operator -> `aws lambda invoke` -> here."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.bootstrap import services
from shared.config import CreateKeySettings, load
from shared.errors import InvalidOption
from shared.values import KeyName, Role


class KeyOrder(BaseModel):
    """The event: whose key it is (an account of a new name is made), what it is for, what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: KeyName
    name: KeyName
    role: Role = "user"


def handler(event: Any, _context: object) -> dict[str, str]:
    """Make a key and show it to who asked, this once: it is kept hashed, and logged nowhere.

    Invoked twice it makes two keys, both good; `DELETE /v1/keys/{id}` removes the one too many.

    Raises:
        InvalidOption: the event is not as it should be.
        ConfigurationError: the function's environment lacks something.
        DatabaseUnavailable: try again.
    """
    order = _read(event)
    load(CreateKeySettings, "The function")
    made = services().keys.create(account=order.account, name=order.name, role=order.role)
    shown = {"key": made.secret, "id": made.row.id, "account": made.account.name, "account_id": made.account.id}
    return {name: str(value) for name, value in shown.items()} | {"name": made.row.name, "role": made.row.role}


def _read(event: Any) -> KeyOrder:
    try:
        return KeyOrder.model_validate(event)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, item['loc'])) or 'event'}: {item['msg']}" for item in error.errors(include_input=False)
        ]
        example = '{"account": "NAME", "name": "WHAT IT IS FOR", "role": "admin" or "user"}'
        message = f"No key was made; send {example} ({'; '.join(wrong)})."
        raise InvalidOption(message) from None
