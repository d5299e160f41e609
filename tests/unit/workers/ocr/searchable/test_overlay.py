"""Words lie exactly over the pages, however these are boxed and turned; nothing else of a file changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from infra import samples
from tests.unit.workers.ocr.making import pdf_of
from tests.unit.workers.ocr.searchable.writing import box_on_screen, one_line, text_of, written
from workers.ocr.geometry import rotated
from workers.ocr.searchable.lines import PageWords

BOX = (100, 40, 190, 60)


@pytest.mark.parametrize("turn", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize("crop", [None, (50, 100, 550, 700), (-20, -20, 900, 300), (550, 700, 50, 100)])
@pytest.mark.parametrize("dpi", [72, 300])
def test_a_word_lies_where_it_was_read(
    tmp_path: Path, turn: int, crop: tuple[int, int, int, int] | None, dpi: int
) -> None:
    source = tmp_path / "page.pdf"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(600, 800))
        page.obj.Rotate = turn
        page.obj.UserUnit = 2
        if crop:
            page.obj.CropBox = Array(list(crop))
        pdf.save(source)
    box = tuple(round(edge * dpi / 72) for edge in BOX)
    target = written(source, [one_line([("harbour", box)], dpi=dpi)])  # type: ignore[list-item]  # four of them
    assert box_on_screen(target, 1, "harbour") == pytest.approx(BOX, abs=0.7)


def test_a_page_that_was_turned_and_scaled_to_be_read_has_its_words_in_place(tmp_path: Path) -> None:
    source = pdf_of([""], tmp_path / "page.pdf")
    # The page as read is twice as large and lies on its head.
    transform = (-0.5, 0.0, 595.0, 0.0, -0.5, 842.0)
    target = written(source, [PageWords(1, 72, transform, [[("harbour", (800, 1564, 990, 1604))]])])
    assert box_on_screen(target, 1, "harbour") == pytest.approx((100, 40, 195, 60), abs=0.7)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("leans", [-6.0, -0.3, 0.0, 0.3, 6.0])
def test_words_of_a_page_that_leans_are_whole_and_in_place(tmp_path: Path, turned: int, leans: float) -> None:
    source = pdf_of([""], tmp_path / "page.pdf")
    transform = rotated(turned + leans, (595, 842), (595, 842))
    boxes = [(f"harbour{number}", (100 + 60 * number, 400, 150 + 60 * number, 412)) for number in range(6)]
    target = written(source, [PageWords(1, 72, transform, [boxes])])
    found = subprocess.run(["pdftotext", "-raw", str(target), "-"], check=True, capture_output=True, text=True).stdout
    assert found.split() == [word for word, _ in boxes]
    # pdfium gives words of a line that stands on its head from left to right, however they were written.
    assert sorted(text_of(target)[0].split()) == [word for word, _ in boxes]
    for word, (x0, y0, x1, y1) in boxes:
        a, b, c, d, e, f = transform
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        left, top, right, bottom = box_on_screen(target, 1, word)
        assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((a * x + b * y + c, d * x + e * y + f), abs=1)


WORDS = ["Hello", "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u6f22\u5b57", "\U0001f600", "a\u0301"]


@pytest.mark.parametrize("word", WORDS)
def test_every_script_is_found_as_it_was_read(tmp_path: Path, word: str) -> None:
    source = pdf_of([""], tmp_path / "page.pdf")
    (text,) = text_of(written(source, [one_line([("one", (10, 40, 60, 60)), (word, (70, 40, 160, 60))])]))
    assert text.split() == ["one", word]


def test_more_characters_than_one_mapping_section_holds(tmp_path: Path) -> None:
    source = pdf_of([""], tmp_path / "page.pdf")
    every = [chr(code) for code in range(0x4E00, 0x4E00 + 500)]
    page = PageWords(
        1,
        72,
        None,
        [[("".join(every[start : start + 20]), (10, start, 500, start + 15))] for start in range(0, 500, 20)],
    )
    (text,) = text_of(written(source, [page]))
    assert "".join(text.split()) == "".join(every)


def streams(path: Path) -> dict[str, bytes]:
    """The bytes of every image in a file, by their sum."""
    with pikepdf.open(path) as pdf:
        images = [
            item for item in pdf.objects if isinstance(item, pikepdf.Stream) and item.get(Name.Subtype) == Name.Image
        ]
        return {f"{index}": image.read_raw_bytes() for index, image in enumerate(images)}


def test_images_keep_every_byte_and_pages_with_text_stay_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "mixed.pdf"
    source.write_bytes(samples.path("mixed.pdf").read_bytes())
    target = written(source, [one_line([("harbour", BOX)], 2), one_line([("harbour", BOX)], 4)])
    assert sorted(streams(target).values()) == sorted(streams(source).values())
    with pikepdf.open(source) as before, pikepdf.open(target) as after:
        for index in (0, 2):
            assert after.pages[index].Contents.read_raw_bytes() == before.pages[index].Contents.read_raw_bytes()
        assert after.pages[1].Contents[-1].read_raw_bytes() == before.pages[1].Contents.read_raw_bytes()


def test_bookmarks_attachments_metadata_and_forms_stay(tmp_path: Path) -> None:
    source = tmp_path / "rich.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Chapter", 0))
        pdf.attachments["note.txt"] = b"a note"
        with pdf.open_metadata() as metadata:
            metadata["dc:title"] = "A title"
        pdf.Root.AcroForm = Dictionary(Fields=Array([]))
        pdf.save(source)
    target = written(source, [one_line([("harbour", BOX)])])
    with pikepdf.open(source) as before, pikepdf.open(target) as after:
        assert after.attachments["note.txt"].get_file().read_bytes() == b"a note"
        assert [item.title for item in after.open_outline().root] == ["Chapter"]
        assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
        assert Name.AcroForm in after.Root


def test_pages_that_share_their_resources_share_no_font_they_have_no_use_for(tmp_path: Path) -> None:
    source = tmp_path / "shared.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.add_blank_page()
        shared = pdf.make_indirect(Dictionary(Font=Dictionary(F1=Dictionary(Type=Name.Font))))
        del pdf.pages[0].obj.Resources
        del pdf.pages[1].obj.Resources
        pdf.Root.Pages.Resources = shared
        pdf.save(source)
    with pikepdf.open(written(source, [one_line([("harbour", BOX)], 2)])) as pdf:
        assert set(pdf.pages[0].resources.Font.keys()) == {"/F1"}
        assert set(pdf.pages[1].obj.Resources.Font.keys()) == {"/F1", "/TwolaneGlyphless"}


def test_a_state_that_the_page_leaves_behind_moves_no_word(tmp_path: Path) -> None:
    source = tmp_path / "odd.pdf"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(600, 800))
        page.obj.Contents = pdf.make_stream(b"Q Q 5 0 0 5 100 100 cm q q")
        pdf.save(source)
    target = written(source, [one_line([("harbour", BOX)])])
    assert box_on_screen(target, 1, "harbour") == pytest.approx(BOX, abs=0.7)


def test_an_encrypted_pdf_comes_out_open(tmp_path: Path) -> None:
    source = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(source, encryption=pikepdf.Encryption(owner="owner", user="open sesame"))
    target = written(source, [one_line([("harbour", BOX)])], password="open sesame")  # noqa: S106 - of a file made here
    assert text_of(target) == ["harbour"]
