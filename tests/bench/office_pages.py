"""Office pages whose text is known: invented prose on A4, as a flatbed scanner at 300 dpi sees it."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image

from infra.samples import prose
from infra.samples.scanner import scan
from infra.samples.sheet import Sheet
from workers.ocr.sandbox import PageFailed, PageRead, Reader, ReadLimits, ReadOptions

DPI = 300
LIMITS = ReadLimits(page_timeout_seconds=120, max_page_pixels=100_000_000, max_pages=1000, render_dpi=DPI)

_LEFT, _WIDTH = 64, 467


def page(number: int) -> tuple[Image.Image, str]:
    """Page `number`, grey, and what it says."""
    rng = random.Random(number)  # noqa: S311 - invented prose, not a secret
    sheet = Sheet.a4(DPI)
    sheet.at(50)
    sheet.row([(f"Quarterly report, part {number + 1}", _LEFT, "left"), (str(11 + number), 531, "right")], 10)
    sheet.skip(14)
    for _ in range(3):
        sheet.line(prose.heading(rng), _LEFT, 14, bold=True)
        sheet.skip(3)
        sheet.paragraph(prose.paragraph(rng, 60), _LEFT, _WIDTH)
        sheet.paragraph(prose.paragraph(rng, 40), _LEFT, _WIDTH)
        sheet.skip(6)
    return scan(sheet.image, angle=rng.uniform(-0.5, 0.5), seed=number), sheet.text


def read(path: Path, options: ReadOptions) -> PageRead:
    """Read the only page of a file.

    Raises:
        RuntimeError: it could not be read.
    """
    with Reader(path, options, LIMITS) as reader:
        [found] = reader.read([1])
    if isinstance(found, PageFailed):
        message = f"{path.name} could not be read: {found.error}"
        raise RuntimeError(message)  # noqa: TRY004 - a failure, no wrong type
    return found
