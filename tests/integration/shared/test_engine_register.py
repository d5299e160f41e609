"""What the API takes of engines and languages, by what workers said."""

from __future__ import annotations

import pytest

from shared.db.unit_of_work import Database
from shared.errors import EngineUnavailable, UnknownEngine, UnknownLanguage
from shared.services.engines import EngineReport, Engines

TESSERACT = EngineReport("tesseract", "5.5", ["deu", "eng"])
RAPIDOCR = EngineReport("rapidocr", "3.10", ["chi_sim", "eng"])
DEEPSEEK = EngineReport("deepseek", "a-model", [])


@pytest.fixture
def engines(database: Database) -> Engines:
    """The register, empty."""
    return Engines(database)


def test_auto_takes_what_one_engine_of_its_ladder_reads(engines: Engines) -> None:
    engines.report([TESSERACT, RAPIDOCR, EngineReport("auto", "", ["tesseract", "rapidocr"])])
    for languages in ("eng", "eng+deu", "chi_sim+eng"):
        engines.check("auto", languages)
    for languages in ("fra", "deu+chi_sim"):
        with pytest.raises(UnknownLanguage, match=r"tesseract: deu, eng; rapidocr: chi_sim, eng"):
            engines.check("auto", languages)


def test_an_engine_that_needs_no_packs_reads_everything(engines: Engines) -> None:
    engines.report([TESSERACT, DEEPSEEK, EngineReport("auto", "", ["tesseract", "deepseek"])])
    engines.check("deepseek", "tlh")
    engines.check("auto", "tlh")
    with pytest.raises(UnknownLanguage):
        engines.check("tesseract", "tlh")


def test_each_engine_is_held_to_its_own_languages(engines: Engines) -> None:
    engines.report([TESSERACT, RAPIDOCR])
    engines.check("rapidocr", "chi_sim")
    with pytest.raises(UnknownLanguage, match="deu"):
        engines.check("rapidocr", "deu+eng")


def test_engines_of_other_packages_are_known_once_reported(engines: Engines) -> None:
    engines.report([TESSERACT])
    with pytest.raises(UnknownEngine, match="Engines here: auto, tesseract"):
        engines.check("parrot", "eng")
    engines.report([TESSERACT, EngineReport("parrot", "1", ["prr"])])
    engines.check("parrot", "prr")


def test_what_is_no_longer_reported_is_no_longer_there(engines: Engines) -> None:
    engines.report([TESSERACT, DEEPSEEK, EngineReport("auto", "", ["tesseract", "deepseek"])])
    engines.report([TESSERACT, EngineReport("auto", "", ["tesseract"])])
    with pytest.raises(EngineUnavailable, match="deepseek"):
        engines.check("deepseek", "eng")
    with pytest.raises(UnknownLanguage):
        engines.check("auto", "tlh")


def test_auto_without_any_engine_is_not_there(engines: Engines) -> None:
    engines.report([DEEPSEEK])
    with pytest.raises(EngineUnavailable, match="auto"):
        engines.check("auto", "eng")
