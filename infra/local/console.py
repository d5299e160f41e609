"""One readable log of many processes: who, when, how bad, what, and the facts beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console as RichConsole
from rich.text import Text

NAME_WIDTH = 9
LEVEL_STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}
# Where a line came from inside the process, ids to search by, what makes it a metric: in the file, not on the screen.
UNINTERESTING = frozenset(
    {
        *("logger", "request_id", "service", "location", "xray_trace_id", "function_arn", "cold_start"),
        *("_aws", "Stack", "Fleet"),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One log line, understood. `time` is local `HH:MM:SS`; `extra` lines (a traceback) follow it as they are."""

    message: str
    time: str = ""
    level: str = "info"
    fields: dict[str, str] = field(default_factory=dict)
    extra: str = ""


def parse(line: str) -> Entry:
    """Understand a line: one of our JSON objects, or any text."""
    try:
        record = json.loads(line) if line.startswith("{") else None
    except ValueError:
        record = None
    if not isinstance(record, dict) or "message" not in record:
        return Entry(line)
    return Entry(
        message=_short(record.pop("message")),
        time=_clock(record.pop("time", None) or record.pop("timestamp", "")),
        level=str(record.pop("level", "info")).lower(),
        extra=str(record.pop("traceback", None) or record.pop("exception", "")),
        fields={name: _short(value) for name, value in record.items() if name not in UNINTERESTING},
    )


def _clock(stamp: object) -> str:
    try:
        return datetime.fromisoformat(str(stamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return ""


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class Console:
    """The terminal, or a plain file if standard output is none."""

    def __init__(self, *, width: int | None = None) -> None:
        self._out = RichConsole(highlight=False, soft_wrap=True, width=width)

    def say(self, message: str, style: str = "bold") -> None:
        """Something the stack itself has to tell."""
        self._out.print(self._line("twolane", "white", Entry(message, time=_now()), style))

    def process_line(self, name: str, colour: str, line: str) -> None:
        """One line of a process."""
        entry = parse(line)
        self._out.print(self._line(name, colour, entry, LEVEL_STYLES.get(entry.level, "")))

    @staticmethod
    def _line(name: str, colour: str, entry: Entry, style: str) -> Text:
        text = Text(f"{name:<{NAME_WIDTH}} ", style=colour)
        text.append(f"{entry.time or _now()} ", style="dim")
        if entry.level not in {"info", "debug"}:
            text.append(f"{entry.level.upper()} ", style=style)
        text.append(entry.message, style=style)
        for key, value in entry.fields.items():
            text.append(f" {key}=", style="dim")
            text.append(value)
        if entry.extra:
            text.append("\n" + entry.extra.rstrip(), style="red")
        return text


def _now() -> str:
    return datetime.now(UTC).astimezone().strftime("%H:%M:%S")
