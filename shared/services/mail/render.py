"""Mails from templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a mail says."""

    subject: str
    text: str
    html: str


def checked(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a template, checked, as JSON can hold them: what to store until the mail is sent.

    Raises:
        TemplateUnknown: no template has that name.
        TemplateVariableMissing: a variable is missing, unknown or no value of its kind; the sentence names it.
    """
    raise NotImplementedError


def render(name: str, variables: Mapping[str, Any]) -> Rendered:
    """A mail from a template.

    Args:
        name: of the template: a key of `TEMPLATES`.
        variables: its model's fields.

    Raises:
        TemplateUnknown: no template has that name.
        TemplateVariableMissing: a variable is missing, unknown or no value of its kind; the sentence names it.
    """
    raise NotImplementedError
