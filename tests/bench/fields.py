"""The fields of receipts, from their pixels to their values, beside what others have published.

A receipt `NNN.jpg` has its truth beside it in `NNN.json`: `company`, `date`, `address` and `total` as printed. Names
and addresses count where letters and digits agree, dates and totals by value.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from PIL import Image

from tests.bench.bench import Bench
from tests.bench.figures import Line, Target
from tests.support.printed import page as printed
from workers.extraction import dates
from workers.extraction.fields import Field, Invoice, PageWords, extract
from workers.extraction.rows import rows
from workers.ocr import auto
from workers.ocr.engine import PageImage
from workers.ocr.pages import ReadOptions

_NAMES = ("company", "date", "address", "total")
_USUAL_DPI = 150
_LEAST_DPI = 70
_BINS = 10


@dataclass(slots=True)
class _Score:
    """How often a field was found, and rightly; `bins`: the same by how sure it was, in tenths."""

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_NAMES, 0))
    found: int = 0
    wanted: int = 0
    seconds: float = 0.0
    bins: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))

    @property
    def f1(self) -> float:
        """Of all values: what was found rightly, beside what was found and what was there."""
        return 2 * sum(self.right.values()) / max(1, self.found + self.wanted)

    def share(self, name: str) -> float:
        """Receipts whose field of that name is right."""
        return self.right[name] / max(1, self.wanted / len(_NAMES))

    def add(self, found: Mapping[str, Field | None], truth: Mapping[str, str]) -> None:
        """Count one receipt."""
        for name in _NAMES:
            value = found[name]
            right = value is not None and _comparable(name, value.value) == _true(name, truth[name])
            self.right[name] += right
            self.wanted += 1
            if value is not None:
                self.found += 1
                self.bins[min(_BINS - 1, int(value.confidence * _BINS))].append(right)


def measure(bench: Bench) -> list[Line]:
    """Read every receipt of `--data` with `auto`, and look for its fields."""
    if bench.data is None:
        bench.say("skipped: it needs receipts, --data DIR")
        return []
    score = _Score()
    for truth, image in _receipts(bench.data):
        words = _read(image, bench.scratch)
        began = time.process_time()
        invoice = extract([words])
        score.seconds += time.process_time() - began
        score.add(_fields(invoice), truth)
    return _lines(score)


def _lines(score: _Score) -> list[Line]:
    receipts = max(1, score.wanted // len(_NAMES))
    lines = [
        Line("fields: value F1 (company, date, address, total)", score.f1, "F1", Target(0.75)),
        Line("published: rules over OCR 0.34 at best, with a language model", 0.62, "F1"),
        Line("total, right by value", score.share("total"), "share", Target(0.92)),
        Line("published: a pipeline of a fine-tuned LayoutLMv3, total", 0.82, "share"),
        Line("date, right by value", score.share("date"), "share", Target(0.95)),
        Line("published: the same, date", 0.61, "share"),
        Line("company, right by letters and digits", score.share("company"), "share"),
        Line("address, right by letters and digits", score.share("address"), "share"),
        Line("looking for the fields, CPU a receipt", score.seconds * 1000 / receipts, "ms"),
    ]
    for tenth, right in sorted(score.bins.items()):
        what = f"right of {len(right)} fields found with confidence {tenth / _BINS:.1f} to {(tenth + 1) / _BINS:.1f}"
        lines.append(Line(what, sum(right) / len(right), "share"))
    return lines


def _receipts(data: Path) -> Iterator[tuple[dict[str, str], Path]]:
    for source in sorted(data.glob("*.json")):
        image = source.with_suffix(".jpg")
        if image.exists():
            yield json.loads(source.read_text(encoding="utf-8")), image


def _read(source: Path, scratch: Path) -> PageWords:
    with Image.open(source) as opened:
        dpi = round(opened.info.get("dpi", (_USUAL_DPI,))[0])
        pixels = opened.convert("L")
    image = PageImage(scratch / "receipt.bmp", *pixels.size, dpi if dpi > _LEAST_DPI else _USUAL_DPI, pixels)
    text = auto.read(image, ReadOptions()).text
    return PageWords(1, *pixels.size, text.text, text.words)


def _fields(invoice: Invoice) -> dict[str, Field | None]:
    return {
        "company": invoice.supplier,
        "date": invoice.date,
        "address": invoice.address,
        "total": invoice.total,
    }


def _comparable(name: str, value: str) -> str:
    return value if name in {"date", "total"} else re.sub(r"[^A-Z0-9]", "", value.upper())


def _true(name: str, value: str) -> str:
    """What is printed, as it is compared; dates of these receipts name the day first."""
    if name == "date":
        (row,) = rows([printed(value)])
        found = dates.dates([row])
        day: dt.date = dates.resolved(found[0], month_first=False)
        return day.isoformat()
    if name == "total":
        return str(Decimal(re.sub(r"[^\d.-]", "", value)).quantize(Decimal("0.01")))
    return _comparable(name, value)
