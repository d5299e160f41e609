"""Which engines there are: ours, others', and those that are broken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import EngineUnavailable, UnknownEngine
from tests.support.third_party import GOOD, installed
from workers.ocr import catalog, engines
from workers.ocr.engine import OcrOptions, PageImage
from workers.ocr.engines.null import NullEngine

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages for a test."""

    def add(*package: str) -> None:
        monkeypatch.syspath_prepend(installed(tmp_path / str(len(list(tmp_path.iterdir()))), *package))
        engines.forget()

    engines.forget()
    yield add
    for module in [name for name in sys.modules if name.endswith("_engine")]:
        del sys.modules[module]
    monkeypatch.undo()
    engines.forget()


def names() -> set[str]:
    return {report.name for report in catalog.installed()}


def test_engines_are_loaded_by_name_once() -> None:
    assert engines.load("tesseract") is engines.load("tesseract")
    assert isinstance(engines.load("null"), NullEngine)
    assert engines.load("null").read(PageImage(Path("none"), 1, 1, 72), OcrOptions()).words == []
    with pytest.raises(UnknownEngine, match="abacus"):
        engines.load("abacus")


def test_another_package_brings_an_engine(install: Install) -> None:
    install()
    (report,) = [report for report in catalog.installed() if report.name == "parrot"]
    assert (report.version, list(report.languages)) == ("7", ["eng", "prr"])
    found = engines.load("parrot").read(PageImage(Path("none"), 3, 4, 72), OcrOptions(("eng",)))
    assert found.text == "3x4 eng"


@pytest.mark.parametrize(
    ("source", "entry_point"),
    [
        ("1 / 0", "parrot = broken_engine:Parrot"),
        ("raise SystemExit(3)", "parrot = exiting_engine:Parrot"),
        ("import not_installed_anywhere", "parrot = lacking_engine:Parrot"),
        ("Parrot = 7", "parrot = number_engine:Parrot"),
        ("class Parrot: pass", "parrot = empty_engine:Parrot"),
        (GOOD, "parrot = missing_engine:Cockatoo"),
        (GOOD, "cockatoo = misnamed_engine:Parrot"),
        (GOOD.replace("remote = False", "remote = None"), "parrot = unsure_engine:Parrot"),
        (GOOD.replace('return "7"', "raise ValueError"), "parrot = unversioned_engine:Parrot"),
        (GOOD.replace('return ("eng", "prr")', "return None"), "parrot = wordless_engine:Parrot"),
    ],
)
def test_a_broken_one_is_left_out_and_logged(
    install: Install, caplog: pytest.LogCaptureFixture, source: str, entry_point: str
) -> None:
    install(source, entry_point)
    assert {"tesseract", "rapidocr"} <= names()
    assert not {"parrot", "cockatoo"} & names()
    assert any(record.levelname == "ERROR" for record in caplog.records)


@pytest.mark.parametrize("source", ["1 / 0", "raise SystemExit(3)", "import not_installed_anywhere"])
def test_one_that_can_not_be_loaded_says_so_to_who_asks_for_it(install: Install, source: str) -> None:
    install(source, "parrot = unloadable_engine:Parrot")
    with pytest.raises(EngineUnavailable, match="parrot"):
        engines.load("parrot")


@pytest.mark.parametrize("name", ["tesseract", "auto", "deepseek"])
def test_our_names_can_not_be_taken(install: Install, name: str) -> None:
    before = engines.load("tesseract")
    install(GOOD.replace("parrot", name), f"{name} = thief_engine:Parrot")
    assert type(engines.load("tesseract")) is type(before)
    assert "thief_engine" not in sys.modules
    assert len(engines.names()) == len(set(engines.names()))
    assert "auto" not in engines.names()


@pytest.mark.parametrize("name", ["Parrot", "par rot", "9lives", "p" * 41, "../x"])
def test_a_name_is_a_name(install: Install, name: str) -> None:
    install(GOOD, f"{name} = named_engine:Parrot")
    assert name not in engines.names()


def test_the_first_of_two_packages_with_one_name_has_it(install: Install) -> None:
    install(GOOD, "parrot = one_engine:Parrot")
    install(GOOD, "parrot = two_engine:Parrot")
    assert engines.load("parrot").version() == "7"


def test_engines_of_others_are_there_once_they_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    engines.forget()
    assert not {"deepseek", "textract", "null"} & names()
    monkeypatch.setenv("DEEPSEEK_URL", "https://models.example.com/v1")
    monkeypatch.setenv("TEXTRACT_ENABLED", "true")
    monkeypatch.setenv("NULL_ENGINE", "true")
    engines.forget()
    assert {"deepseek", "textract", "null"} <= names()
    with pytest.raises(EngineUnavailable, match="DEEPSEEK_URL"):
        _unconfigured(monkeypatch)
    engines.forget()


def _unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPSEEK_URL")
    engines.forget()
    engines.load("deepseek").version()


def test_auto_is_what_of_its_ladder_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    engines.forget()
    monkeypatch.setenv("AUTO_ENGINES", "tesseract, rapidocr,deepseek,abacus")
    (auto,) = [report for report in catalog.installed() if report.name == "auto"]
    assert auto.languages == ["tesseract", "rapidocr"]
    monkeypatch.setenv("AUTO_ENGINES", "abacus")
    assert "auto" not in names()
