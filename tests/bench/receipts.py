"""How well receipts are read and at what cost: RapidOCR and pytesseract as people use them, our engine, `auto`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytesseract
from PIL import Image

from infra.local.layout import PROJECT
from tests.bench import ground_truth
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target
from tests.bench.ground_truth import Receipt
from workers.ocr import auto, engines
from workers.ocr.engine import PageImage
from workers.ocr.pages import ReadOptions

PYTHON: Final = PROJECT / ".tools/bench/bin/python"
DEFAULTS, TESSERACT, RAPIDOCR, AUTO = "RapidOCR's defaults, one thread", "pytesseract", "rapidocr", "auto"
GUESSED_DPI: Final = 200

Read = Callable[[Path], tuple[str, float]]
"""From a file to its text and the CPU seconds it took."""


@dataclass(slots=True)
class Score:
    """What one reader made of the receipts: word F1 and CPU seconds of each."""

    f1: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, receipt: Receipt, text: str, seconds: float) -> None:
        """Count one receipt."""
        self.f1.append(ground_truth.f1(receipt.words, ground_truth.words(text)))
        self.seconds.append(seconds)


def measure(bench: Bench) -> list[Line]:
    """Read each receipt by one after the other, so that what disturbs the machine disturbs all alike; one round."""
    if bench.data is None:
        bench.say("not measured: give a directory of scanned receipts by `--data DIR`")
        return []
    found = ground_truth.receipts(bench.data)
    with _readers() as readers:
        scores = {name: Score() for name in readers}
        for number, receipt in enumerate(found, start=1):
            for name, read in readers.items():
                scores[name].add(receipt, *read(receipt.image))
            bench.say(f"{number} of {len(found)}")
    return _lines(scores)


def _lines(scores: Mapping[str, Score]) -> list[Line]:
    targets = {AUTO: Target(0.95)}
    accuracy = {name: ground_truth.mean(score.f1) for name, score in scores.items()}
    cost = {name: ground_truth.mean(score.seconds) for name, score in scores.items()}
    return [
        *(Line(f"word F1 on the receipts: {name}", value, "", targets.get(name)) for name, value in accuracy.items()),
        Line(f"{RAPIDOCR} better than {DEFAULTS} by", accuracy[RAPIDOCR] - accuracy[DEFAULTS], "", Target(0.02)),
        *(Line(f"CPU seconds a receipt: {name}", value, "s") for name, value in cost.items()),
        Line(f"{RAPIDOCR} / {DEFAULTS}", cost[RAPIDOCR] / cost[DEFAULTS], "x", Target(0.45, at_most=True)),
    ]


@contextmanager
def _readers() -> Iterator[dict[str, Read]]:
    """Everybody, with models loaded."""
    engines.load("rapidocr").prepare()
    with _defaults() as defaults:
        yield {
            DEFAULTS: defaults,
            TESSERACT: _metered(_by_pytesseract),
            RAPIDOCR: _metered(lambda path: _ours(path, "rapidocr")),
            AUTO: _metered(lambda path: _ours(path, "auto")),
        }


def _metered(read: Callable[[Path], str]) -> Read:
    def metered(path: Path) -> tuple[str, float]:
        began = _cpu_seconds()
        text = read(path)
        return text, _cpu_seconds() - began

    return metered


def _cpu_seconds() -> float:
    """CPU time of this process and of the programs it ran to their end."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _by_pytesseract(path: Path) -> str:
    """Read a file as the program does; one it refuses, such as a damaged JPEG, says nothing to it."""
    try:
        return str(pytesseract.image_to_string(str(path)))
    except pytesseract.TesseractError:
        return ""


def _ours(path: Path, engine: str) -> str:
    with Image.open(path) as opened:
        grey = opened.convert("L")
    page = PageImage(path, grey.width, grey.height, GUESSED_DPI, grey)
    return auto.read(page, ReadOptions(engine=engine)).text.text


@contextmanager
def _defaults() -> Iterator[Read]:
    """RapidOCR in a process of its own, after one page that is not counted."""
    command = [str(PYTHON), str(Path(__file__).with_name("plain_rapidocr.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin, "it was asked for"
        assert process.stdout, "likewise"
        questions, answers = process.stdin, process.stdout

        def read(path: Path) -> tuple[str, float]:
            questions.write(f"{path.absolute()}\n")
            questions.flush()
            answer = json.loads(answers.readline())
            return answer["text"], answer["seconds"]

        read(PROJECT / "infra/samples/receipt-photo.jpg")
        yield read
