"""What a thousand pages cost: CPU seconds a page of the real worker, times what Fargate charges for them."""

from __future__ import annotations

import sys
from contextlib import suppress

import psutil

from infra import samples
from infra.samples import scanned_pdf
from infra.scaling import cost
from infra.scaling.prices import TEXTRACT_THOUSAND_PAGES
from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, alternate, median

PAGES = 12
LETTER = "letter-scan.png"
LETTERS = 6
LIMIT = Target(100 * TEXTRACT_THOUSAND_PAGES, at_most=True)


def measure(bench: Bench) -> list[Line]:
    """Read a long scan and single letters, each time with one worker that has read both before."""
    scan, letter = scanned_pdf(PAGES), samples.path(LETTER).read_bytes()
    with (
        bench.stack(workers=0) as api,
        bench.worker([sys.executable, "-m", "workers"], api.stack.environment) as worker,
    ):
        tree = psutil.Process(worker.pid)
        api.seconds("warm-up.pdf", scan)
        api.seconds(LETTER, letter)
        of_scan, of_letter = alternate(
            bench.rounds,
            lambda: _cpu(api, tree, "scan.pdf", scan, 1) / PAGES,
            lambda: _cpu(api, tree, LETTER, letter, LETTERS) / LETTERS,
            say=bench.say,
        )
    a_page = max(median(of_scan), median(of_letter))
    rest = sum(cost.everything_else(a_page).values())
    return [
        Line(f"CPU seconds a page, {PAGES}-page scan of 300 dpi, all processes of a worker", median(of_scan), "s"),
        Line("CPU seconds a page, scanned letters of one page", median(of_letter), "s"),
        Line("1,000 of the slower on Fargate, x86, on demand", 100 * cost.workers(a_page), "cents"),
        Line("the same on Spot", 100 * cost.workers(a_page, spot_share=1), "cents"),
        Line("the same on ARM, on demand, if it took as long", 100 * cost.workers(a_page, "arm64"), "cents"),
        Line("the same on ARM and Spot", 100 * cost.workers(a_page, "arm64", spot_share=1), "cents"),
        Line("the rest of 1,000 documents: API, S3, database, logs (estimate)", 100 * rest, "cents"),
        Line("x86 on demand with the rest", 100 * (cost.workers(a_page) + rest), "cents", LIMIT),
        Line("1,000 pages by Textract, DetectDocumentText", 100 * TEXTRACT_THOUSAND_PAGES, "cents"),
    ]


def _cpu(api: Api, tree: psutil.Process, name: str, body: bytes, times: int) -> float:
    """Return the CPU seconds, user and system, that a worker took for a document sent so many times."""
    before = _cpu_seconds(tree)
    for document_id in [api.submit(name, body) for _ in range(times)]:
        api.finished(document_id)
    return _cpu_seconds(tree) - before


def _cpu_seconds(root: psutil.Process) -> float:
    """All processes of a tree, and those that they have seen end: readers and engines live for a document only."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # a reader that ends now is in its parent's next answer
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
