"""What each switch of preprocessing brings on pages that need it, and costs on those that don't.

Read by tesseract, which most of it is for: rapidocr reads these pages as they are, and `auto` sends them there. What
lies around a page is another matter: tesseract passes over it, and rapidocr reads it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench import office_pages
from tests.bench.bench import Bench
from tests.bench.figures import Line
from tests.bench.ground_truth import f1, words
from workers.ocr.sandbox import PageRead, ReadOptions

Pixels = np.ndarray[Any, np.dtype[np.floating[Any]]]

READERS = {"crop": "rapidocr"}
"""Who reads pages for a switch that is not for tesseract."""


def measure(bench: Bench) -> list[Line]:
    """One page, spoilt in a way of its own for each switch; one round, as F1 does not vary."""
    image, text = office_pages.page(0)
    clean = _saved(bench.scratch / "as-it-is.png", image)
    lines = []
    for switch, (how, spoil) in SPOILT.items():
        spoilt = _saved(bench.scratch / f"{switch}.png", spoil(image))
        without = ReadOptions(engine=READERS.get(switch, "tesseract"))
        options = replace(without, **{switch: True})  # type: ignore[arg-type]  # each of them is a bool
        before, after = (_f1(office_pages.read(spoilt, each), text) for each in (without, options))
        plain, kept = (office_pages.read(clean, each) for each in (without, options))
        lines += [
            Line(f"{switch}: word F1 gained on a page {how} (was {before:.3f})", after - before, "F1"),
            Line(f"{switch}: word F1 lost on a clean page", _f1(plain, text) - _f1(kept, text), "F1"),
            Line(f"{switch}: CPU on a clean page, with / without", kept.cpu_ms / plain.cpu_ms, "x"),
        ]
        bench.say(f"{switch}: {before:.3f} -> {after:.3f}")
    return lines


def _f1(page: PageRead, text: str) -> float:
    return f1(words(text), words(page.text))


def _saved(path: Path, image: Image.Image) -> Path:
    image.save(path, dpi=(office_pages.DPI, office_pages.DPI))
    return path


# --- ways a page is spoilt


def _askew(page: Image.Image) -> Image.Image:
    return page.rotate(-6, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def _shaded(page: Image.Image) -> Image.Image:
    across, down = np.linspace(0, 1, page.width)[None, :], np.linspace(0, 1, page.height)[:, None]
    return _image(np.asarray(page, float) * (1 - 0.375 * (across + down)))


def _grainy(page: Image.Image) -> Image.Image:
    grain = np.random.default_rng(1).normal(0, 50, (page.height, page.width))
    return _image(np.asarray(page, float) + grain)


def _coarse(page: Image.Image) -> Image.Image:
    """75 dpi, whatever the file says."""
    return page.resize((page.width // 4, page.height // 4), Image.Resampling.BOX)


def _on_a_brochure(page: Image.Image) -> Image.Image:
    """On top of something else that is printed on dark paper, as a photograph from above shows it."""
    other, _ = office_pages.page(1)
    picture = other.resize((page.width + 1200, page.height + 1200)).point(lambda grey: 60 + grey * 0.25)
    picture.paste(page.point(lambda grey: grey * 0.9), (700, 500))
    return picture


def _image(grey: Pixels) -> Image.Image:
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


SPOILT: Mapping[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "rotate": ("upside down", lambda page: page.rotate(180)),
    "deskew": ("6 degrees askew", _askew),
    "clean": ("in uneven light", _shaded),
    "denoise": ("full of grain", _grainy),
    "normalize": ("scanned at 75 dpi", _coarse),
    "crop": ("on a dark brochure", _on_a_brochure),
}
