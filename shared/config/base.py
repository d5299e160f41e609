"""What every group of settings shares, and how one is read."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every group shares: environment, upper-case names, frozen; errors show no values, as URLs hold passwords."""

    # A template leaves a variable that does not apply empty where it cannot leave it out.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)


S = TypeVar("S", bound=Settings)


class ConfigurationError(RuntimeError):
    """The environment lacks something, or has it wrong."""


def load(kind: type[S], who: str) -> S:
    """Read a group of settings from the environment.

    Args:
        kind: the group.
        who: needs it, e.g. `The API`; begins the sentence.

    Raises:
        ConfigurationError: naming each variable that is missing or malformed, without values: a URL holds a password.
    """
    try:
        return kind()
    except ValidationError as error:
        wrong = [
            ": ".join([*(str(name).upper() for name in item["loc"][:1]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors(include_input=False)
        ]
        message = f"{who} can't start; set in the environment: {'; '.join(wrong)}"
        raise ConfigurationError(message) from None
