"""Templates as pages to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from infra.cli.mail_samples import IN_BULK, SAMPLES, UNSUBSCRIBE_URL
from shared.errors import TwolaneError
from shared.services.mail.render import Rendered, render

PHONE = 375
DESK = 760


class PreviewError(Exception):
    """There is nothing to see; the message says why."""


def write(name: str | None, folder: Path, variables: Path | None = None) -> Path:
    """Write `NAME.html` and `NAME.txt` of one template or all, and `index.html`, which shows them side by side.

    Args:
        name: of a template; None for all.
        folder: where to; it is made if it is not there.
        variables: a JSON file to take them from, instead of the samples.

    Returns:
        The index.

    Raises:
        PreviewError: there is no such template, a variable is missing, or a file cannot be read or written.
    """
    given = None if variables is None else _read(variables)
    try:
        mails = {one: _render(one, given) for one in ([name] if name else sorted(SAMPLES))}
        folder.mkdir(parents=True, exist_ok=True)
        for one, mail in mails.items():
            (folder / f"{one}.html").write_text(mail.html, encoding="utf-8")
            (folder / f"{one}.txt").write_text(mail.text, encoding="utf-8")
        index = folder / "index.html"
        index.write_text(_index(mails), encoding="utf-8")
    except TwolaneError as error:
        raise PreviewError(" ".join(problem["message"] for problem in error.errors) or str(error)) from error
    except OSError as error:
        raise PreviewError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    return index


def _render(name: str, variables: Mapping[str, Any] | None) -> Rendered:
    given = SAMPLES.get(name, {}) if variables is None else variables
    return render(name, given, unsubscribe_url=UNSUBSCRIBE_URL if name in IN_BULK else None)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise PreviewError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise PreviewError(f"{file} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise PreviewError(f"{file} holds no JSON object of variables by their names.")
    return found


def _index(mails: Mapping[str, Rendered]) -> str:
    sections = "\n".join(_section(name, mail) for name, mail in mails.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mails</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ margin: 32px; max-width: 1180px }}
h2 {{ margin: 48px 0 4px; font-size: 19px }}
p {{ margin: 0 0 12px; opacity: .75 }}
div {{ display: flex; gap: 16px; flex-wrap: wrap }}
iframe {{ height: 640px; max-width: 100%; border: 1px solid #8884; border-radius: 8px }}
</style>
</head>
<body>
<h1>Mails</h1>
{sections}
</body>
</html>
"""


def _section(name: str, mail: Rendered) -> str:
    frames = "".join(f'<iframe src="{name}.html" width="{width}" title="{name}"></iframe>' for width in (PHONE, DESK))
    links = f'<a href="{name}.html">HTML</a>, <a href="{name}.txt">text</a>'
    return f'<h2 id="{name}">{name}</h2>\n<p>{escape(mail.subject)} ({links})</p>\n<div>{frames}</div>'
