"""Clean A4 office scans: what `auto` costs and finds beside tesseract alone, in the same process, on the same pages."""

from __future__ import annotations

from pathlib import Path

from infra import samples
from tests.bench import office_pages
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target, alternate, median
from tests.bench.ground_truth import f1, words
from workers.ocr.sandbox import ReadOptions

PAGES = 5
LETTER = "letter-scan.png"


def measure(bench: Bench) -> list[Line]:
    """CPU time is the reading process', from opening a page to its words; F1 is of words, the mean of all pages."""
    pages = [*_pages(bench.scratch), (samples.path(LETTER), samples.expected_text(LETTER))]
    office_pages.read(pages[0][0], ReadOptions())  # the fork server is up before anything counts
    scores: dict[str, float] = {}
    alone, auto = alternate(
        bench.rounds,
        lambda: _seconds(pages, "tesseract", scores),
        lambda: _seconds(pages, "auto", scores),
        say=bench.say,
    )
    return [
        Line(f"CPU a page, {len(pages)} clean A4 scans at 300 dpi, tesseract alone", median(alone), "s"),
        Line("CPU a page, auto", median(auto), "s"),
        Line("auto / tesseract", median(auto) / median(alone), "x", Target(1.15, at_most=True)),
        Line("word F1, tesseract alone", scores["tesseract"], "F1"),
        Line("word F1, auto", scores["auto"], "F1", Target(scores["tesseract"])),
    ]


def _pages(scratch: Path) -> list[tuple[Path, str]]:
    made = []
    for number in range(PAGES):
        image, text = office_pages.page(number)
        path = scratch / f"office-{number}.png"
        image.save(path, dpi=(office_pages.DPI, office_pages.DPI))
        made.append((path, text))
    return made


def _seconds(pages: list[tuple[Path, str]], engine: str, scores: dict[str, float]) -> float:
    """Return CPU seconds a page; `scores` gets the mean F1."""
    found = [office_pages.read(path, ReadOptions(engine=engine)) for path, _ in pages]
    scored = [f1(words(text), words(page.text)) for page, (_, text) in zip(found, pages, strict=True)]
    scores[engine] = sum(scored) / len(scored)
    return sum(page.cpu_ms for page in found) / 1000 / len(found)
