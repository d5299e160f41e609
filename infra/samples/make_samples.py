"""Make the samples anew: `python -m infra.samples.make_samples [DIR]`. The same input gives the same pictures.

The files are committed, so this is needed only after a change here (fpdf2 comes with the dev group).
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.samples import NAMES, papers, reports
from infra.samples.receipt import receipt
from infra.samples.scanner import fax, photograph, scan

_PHOTO_PIXELS = (1500, 2000)


def receipt_photo(target: Path) -> str:
    """A receipt on a table, photographed with a phone."""
    sheet = receipt()
    photograph(sheet.image, _PHOTO_PIXELS, seed=11).save(target, quality=74, subsampling=2)
    return sheet.text


def letter_scan(target: Path) -> str:
    """A letter, scanned in gray at 300 dpi."""
    sheet = papers.letter()
    scan(sheet.image, angle=0.25, seed=5).save(target, dpi=(sheet.dpi, sheet.dpi), optimize=True)
    return sheet.text


def three_pages(target: Path) -> str:
    """A fax of three pages at 200 dpi."""
    sheets = [papers.delivery_note(), papers.minutes(), papers.bulletin()]
    angles = (0.3, -0.4, 0.2)
    first, *rest = [fax(sheet.image, angle=angle, seed=30) for sheet, angle in zip(sheets, angles, strict=True)]
    dpi = sheets[0].dpi
    first.save(target, save_all=True, append_images=rest, compression="group4", dpi=(dpi, dpi))
    return "\f".join(sheet.text for sheet in sheets)


def born_digital(target: Path) -> str:
    """A report as a PDF with real text."""
    content, text = reports.born_digital()
    target.write_bytes(content)
    return text


def mixed(target: Path) -> str:
    """A PDF of printed and scanned pages by turns."""
    content, text = reports.mixed()
    target.write_bytes(content)
    return text


MAKERS = dict(zip(NAMES, (receipt_photo, letter_scan, three_pages, born_digital, mixed), strict=True))


def make(directory: Path) -> None:
    """Write every sample and, as `NAME.txt`, what it says into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, maker in MAKERS.items():
        target = directory / name
        target.with_suffix(".txt").write_text(maker(target), encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
