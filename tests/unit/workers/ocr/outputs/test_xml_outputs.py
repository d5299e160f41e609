"""hOCR and ALTO: well formed and valid whatever a page says, with every word where it is."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from lxml import etree

from tests.support import alto as alto_schema
from tests.unit.workers.ocr.outputs.pages import ANY_LINES, FAILED, page
from workers.ocr.engine import Word
from workers.ocr.outputs import alto, hocr
from workers.ocr.outputs.xml import printable

XHTML = {"h": "http://www.w3.org/1999/xhtml"}
ALTO = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}


def hocr_of(*pages: Any, filename: str = "scan.png") -> Any:
    return etree.fromstring("".join(hocr.write(filename, pages)).encode())


def alto_of(*pages: Any, filename: str = "scan.png") -> Any:
    return alto_schema.checked("".join(alto.write(filename, pages)).encode())


def test_hocr_has_every_level_with_its_box() -> None:
    root = hocr_of(page("one two\nthree\n\nfour"), FAILED)
    classes = [node.get("class") for node in root.iterfind(".//h:body//*", XHTML)]
    assert classes[:5] == ["ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word"]
    assert classes.count("ocr_par") == 2
    words = root.findall(".//h:span[@class='ocrx_word']", XHTML)
    assert [word.text for word in words] == ["one", "two", "three", "four"]
    assert words[1].get("title") == "bbox 100 0 190 20; x_wconf 90"
    assert all(re.search(r"bbox \d+ \d+ \d+ \d+", node.get("title")) for node in root.iterfind(".//h:body//*", XHTML))


def test_a_page_that_failed_is_there_empty_and_says_so() -> None:
    pages = hocr_of(page("one"), FAILED, page("three", number=3)).findall(".//h:div[@class='ocr_page']", XHTML)
    assert [node.get("id") for node in pages] == ["page_1", "page_2", "page_3"]
    assert "x_error page_timeout" in pages[1].get("title")
    assert len(pages[1]) == 0
    _, failed, _ = alto_of(page("one"), FAILED, page("three", number=3)).findall(".//a:Page", ALTO)
    assert (failed.get("QUALITY"), failed.get("QUALITY_DETAIL")) == ("Damaged", "page_timeout")


def test_alto_has_words_spaces_and_confidence() -> None:
    root = alto_of(page("one two"))
    (line,) = root.findall(".//a:TextLine", ALTO)
    assert [etree.QName(node).localname for node in line] == ["String", "SP", "String"]
    string, space, _ = line
    assert dict(string.attrib) == {
        "CONTENT": "one",
        "HPOS": "0",
        "VPOS": "0",
        "WIDTH": "90",
        "HEIGHT": "20",
        "WC": "0.90",
    }
    assert (space.get("HPOS"), space.get("WIDTH")) == ("90", "10")
    assert root.findtext(".//a:MeasurementUnit", namespaces=ALTO) == "pixel"


def test_a_paragraph_from_right_to_left_says_so() -> None:
    root = hocr_of(page("\u05e9\u05dc\u05d5\u05dd one\n\nplain"))
    assert [node.get("dir") for node in root.findall(".//h:p", XHTML)] == ["rtl", None]


@given(ANY_LINES)
def test_whatever_is_on_a_page_is_valid_and_comes_back(lines: list[list[str]]) -> None:
    text = "\n".join(" ".join(line) for line in lines)
    words = [Word(word, 0.5, (0, 0, 1, 1)) for line in lines for word in line]
    expected = [
        printable(word.text) for block in page(text, words).blocks for line in block.lines for word in line.words
    ]
    name = f'"{text}" & <{text}>\\'
    found = hocr_of(page(text, words), filename=name).findall(".//h:span[@class='ocrx_word']", XHTML)
    assert [node.text or "" for node in found] == expected
    strings = alto_of(page(text, words), filename=name).findall(".//a:String", ALTO)
    assert [node.get("CONTENT") for node in strings] == expected
