"""A scan made a searchable PDF: pages a minute through the HTTP API with two workers, beside OCRmyPDF with two jobs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pypdfium2

from infra import samples
from infra.local.layout import PROJECT
from infra.samples.pdfs import scanned_report
from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, alternate, median

PAGES = 12
JOBS = 2
OCRMYPDF = PROJECT / ".tools/bench/bin/ocrmypdf"


def measure(bench: Bench) -> list[Line]:
    """Make the same 300-dpi scan searchable by both, all pages recognised, English; compare the text inside."""
    body, text = scanned_report(PAGES)
    source, ours_pdf, theirs_pdf = (bench.scratch / name for name in ("scan.pdf", "ours.pdf", "theirs.pdf"))
    source.write_bytes(body)
    with bench.stack(workers=JOBS) as api:
        _searchable(api, body, ours_pdf)
        _ocrmypdf(source, theirs_pdf)
        ours, theirs = alternate(
            bench.rounds,
            lambda: _searchable(api, body, ours_pdf),
            lambda: _ocrmypdf(source, theirs_pdf),
            say=bench.say,
        )
    mine, others = word_f1(text, pdf_text(ours_pdf)), word_f1(text, pdf_text(theirs_pdf))
    return [
        Line(f"{PAGES} scanned pages, 300 dpi, {JOBS} workers, POST to the searchable PDF", _rate(ours), "pages/m"),
        Line(f"the same by ocrmypdf --jobs {JOBS} -O0 --output-type pdf", _rate(theirs), "pages/m"),
        Line("ours / ocrmypdf", _rate(ours) / _rate(theirs), "x", Target(1.4)),
        Line("word F1 of the text in our PDF", mine, ""),
        Line("word F1 of the text in ocrmypdf's", others, ""),
        Line("ours - ocrmypdf's", mine - others, "", Target(-0.002)),
    ]


def word_f1(expected: str, found: str) -> float:
    """Precision and recall of words in one number, 0-1; see `infra.samples.word_recall`."""
    recall, precision = samples.word_recall(expected, found), samples.word_recall(found, expected)
    return 2 * recall * precision / max(recall + precision, 1e-9)


def pdf_text(path: Path) -> str:
    """What a PDF says, as pdfium finds it."""
    with pypdfium2.PdfDocument(path) as pdf:
        return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def _rate(seconds: list[float]) -> float:
    return PAGES * 60 / median(seconds)


def _searchable(api: Api, body: bytes, target: Path) -> float:
    """Return the seconds from the POST until the PDF lies at `target`."""
    began = time.perf_counter()
    document_id = api.submit("scan.pdf", body)
    api.finished(document_id)
    path = f"/v1/documents/{document_id}/result"
    answer = api.client.get(path, params={"format": "pdf"}, follow_redirects=True)
    target.write_bytes(answer.raise_for_status().content)
    return time.perf_counter() - began


def _ocrmypdf(source: Path, target: Path) -> float:
    """Return the seconds of one run of OCRmyPDF, start-up included, as it has no other way to run."""
    command = [str(OCRMYPDF), "--quiet", "--jobs", str(JOBS), "-O0", "--output-type", "pdf", "--language", "eng"]
    began = time.perf_counter()
    subprocess.run([*command, str(source), str(target)], check=True, capture_output=True)
    return time.perf_counter() - began
