"""Mails from templates.

A template `NAME` is three files in `templates/`: `NAME.subject.txt`, `NAME.txt` and `NAME.html`. HTML escapes all it is
given; text has nothing to escape; a subject is one line whatever it is given.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shared.errors import TemplateUnknown, TemplateVariableMissing
from shared.services.mail.filters import FILTERS
from shared.services.mail.variables import TEMPLATES, Variables

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
PRODUCT = "Twolane"
SUBJECT_LIMIT = 200
"""Characters of a subject made from a template; what is longer ends with an ellipsis."""


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
    return _validated(name, variables).model_dump(mode="json", exclude_unset=True)


def render(name: str, variables: Mapping[str, Any], *, unsubscribe_url: str | None = None) -> Rendered:
    """A mail from a template.

    Args:
        name: of the template: a key of `TEMPLATES`.
        variables: the fields of its model; those that `checked` returned, or what it was given.
        unsubscribe_url: where the reader ends mail of this kind, for bulk; it is in the footer.

    Raises:
        TemplateUnknown: no template has that name.
        TemplateVariableMissing: a variable is missing, unknown or no value of its kind; the sentence names it.
    """
    validated = _validated(name, variables)
    # Not dumped: what a template says of a value may depend on its type.
    values = {field: getattr(validated, field) for field in type(validated).model_fields}
    given = {**values, "product": PRODUCT, "unsubscribe_url": unsubscribe_url}
    subject = _line(_environment().get_template(f"{name}.subject.txt").render(given))
    text, html = (_environment().get_template(f"{name}.{kind}") for kind in ("txt", "html"))
    given["subject_line"] = subject
    return Rendered(subject, text.render(given).strip() + "\n", html.render(given))


def _validated(name: str, variables: Mapping[str, Any]) -> Variables:
    model = TEMPLATES.get(name)
    if model is None:
        raise TemplateUnknown(f"There is no template {name[:100]!a}; there are {', '.join(sorted(TEMPLATES))}.")
    try:
        return model.model_validate(dict(variables))
    except ValidationError as error:
        problems = [_problem(name, problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise TemplateVariableMissing(problems[0]["message"], errors=problems) from error


def _problem(name: str, place: tuple[int | str, ...], kind: str, said: str) -> dict[str, str]:
    """Of one variable: where, and a sentence."""
    field = ".".join(str(step) for step in place)
    if kind == "missing":
        message = f"The template {name} needs the variable {field}, which was not given."
    elif kind == "extra_forbidden":
        message = f"The template {name} has no variable {field[:100]}."
    else:
        message = f"The template {name} cannot use the variable {field}: {said}."
    return {"field": field, "message": message}


@cache
def _environment() -> Environment:
    # Only who sends mail needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    return environment


def _line(text: str) -> str:
    """One line: what breaks lines is a space, other control characters are nothing."""
    words = " ".join(text.split())
    line = "".join(character for character in words if unicodedata.category(character) not in {"Cc", "Cs"})
    return line if len(line) <= SUBJECT_LIMIT else f"{line[: SUBJECT_LIMIT - 1].rstrip()}…"
