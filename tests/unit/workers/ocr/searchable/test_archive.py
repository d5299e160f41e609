"""PDF/A-2b: scans and images become it; what can't is named. The rules are those of ISO 19005-2, checked one by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageCms

from infra import samples
from shared.errors import NotArchivable
from tests.unit.workers.ocr.making import pdf_of
from tests.unit.workers.ocr.searchable.writing import one_line, text_of, written

WORDS = [one_line([("harbour", (10, 10, 100, 40))])]


def scan(path: Path, mode: str = "L") -> Path:
    """A PDF of one page that is a picture."""
    Image.new(mode, (300, 200)).save(path, "PDF", resolution=150)
    return path


def check(path: Path) -> None:
    """Check what can be told from the structure of a file; the numbers are clauses of ISO 19005-2:2011."""
    body = path.read_bytes()
    assert re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", body)  # 6.1.2
    with pikepdf.open(path) as pdf:
        assert not pdf.is_encrypted
        assert Name.ID in pdf.trailer  # 6.1.3
        assert not {"/AA", "/OCProperties", "/NeedsRendering"} & set(pdf.Root.keys())  # 6.4, 6.5.2, 6.9
        (intent,) = pdf.Root.OutputIntents  # 6.2.3
        assert str(intent.S) == "/GTS_PDFA1"
        profile = ImageCms.ImageCmsProfile(BytesIO(intent.DestOutputProfile.read_bytes())).profile
        assert (profile.xcolor_space.strip(), int(intent.DestOutputProfile.N)) == ("RGB", 3)
        check_description(pdf)
        for item in pdf.objects:
            check_object(item)


def check_description(pdf: pikepdf.Pdf) -> None:
    """The file says what it is, and the same in both places (6.6)."""
    assert Name.Filter not in pdf.Root.Metadata
    with pdf.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "B")
        assert metadata["dc:title"] == str(pdf.docinfo.Title)


def check_object(item: Any) -> None:
    if isinstance(item, pikepdf.Stream):
        assert not {"/F", "/FFilter", "/FDecodeParms"} & set(item.keys())  # 6.1.7.1
        assert "LZW" not in str(item.get(Name.Filter, ""))  # 6.1.7.2
        assert "Crypt" not in str(item.get(Name.Filter, ""))
    if not isinstance(item, Dictionary | pikepdf.Stream):
        return
    if item.get(Name.Subtype) == Name.Image:
        assert not item.get(Name.Interpolate, False)  # 6.2.8
        assert item.get(Name.ColorSpace) != Name.DeviceCMYK  # 6.2.4.3
    if item.get(Name.Subtype) == Name.CIDFontType2:
        assert Name.FontFile2 in item.FontDescriptor  # 6.2.11.4
        assert isinstance(item.CIDToGIDMap, pikepdf.Stream)  # 6.2.11.3.2
    if item.get(Name.Subtype) == Name.Link:
        assert int(item.F) & 4  # 6.3.2


@pytest.mark.parametrize("name", ["receipt-photo.jpg", "letter-scan.png", "three-pages.tiff"])
def test_images_become_archives(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.write_bytes(samples.path(name).read_bytes())
    target = written(source, WORDS, archival=True)
    check(target)
    assert text_of(target)[0] == "harbour"


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_scans_become_archives(tmp_path: Path, mode: str) -> None:
    check(written(scan(tmp_path / "scan.pdf", mode), WORDS, archival=True))


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA"])
def test_images_of_other_colours_become_archives_in_srgb(tmp_path: Path, mode: str) -> None:
    source = tmp_path / ("page.jpg" if mode == "CMYK" else "page.png")
    Image.new(mode, (300, 200)).save(source)
    check(written(source, WORDS, archival=True))


def test_a_link_and_a_smoothed_image_are_mended(tmp_path: Path) -> None:
    source = scan(tmp_path / "scan.pdf")
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        action = Dictionary(S=Name.URI, URI=String("https://example.com"))
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=action)
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(link)])
        next(iter(pdf.pages[0].get_images().values())).Interpolate = True
        pdf.save(source)
    check(written(source, WORDS, archival=True))


def attached(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["note.txt"] = b"a note"


def scripted(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def with_form(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]))


def stamped(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([0, 0, 9, 9]))])


def in_cmyk(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"0 0 0 1 k 0 0 9 9 re f")


def multiplied(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=Dictionary(BM=Name.Multiply))


def layered(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OCProperties = Dictionary(OCGs=Array([]), D=Dictionary())


def unmarked(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 1, 1]))
    form.Resources = Dictionary(Font=Dictionary(F=Dictionary(Type=Name.Font, BaseFont=Name.Helvetica)))
    pdf.pages[0].obj.Resources.XObject.Fm = form


def cmyk_within(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(b"0 0 0 1 k 0 0 1 1 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 1, 1]))
    pdf.pages[0].obj.Resources.XObject.Fm = form


def packed_as_lzw(pdf: pikepdf.Pdf) -> None:
    stream = pdf.make_stream(b"")
    stream.write(bytes.fromhex("800b6050220c0c8501"), filter=Name.LZWDecode)
    pdf.pages[0].obj.PieceInfo = stream


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (cmyk_within, "CMYK"),
        (packed_as_lzw, "LZW"),
        (attached, "files attached"),
        (scripted, "starts an action"),
        (with_form, "a form"),
        (stamped, "page 1 has notes, stamps or fields"),
        (in_cmyk, "CMYK"),
        (multiplied, "transparency"),
        (layered, "layers"),
        (unmarked, "fonts"),
    ],
)
def test_what_stands_against_it_is_named(tmp_path: Path, change: Callable[[pikepdf.Pdf], None], reason: str) -> None:
    source = scan(tmp_path / "scan.pdf")
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(source, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    with pytest.raises(NotArchivable, match=reason):
        written(source, WORDS, archival=True)


def test_text_of_its_own_is_not_vouched_for_unless_the_file_is_an_archive(tmp_path: Path) -> None:
    source = pdf_of(["Some text"], tmp_path / "text.pdf")
    with pytest.raises(NotArchivable, match="fonts"):
        written(source, [], archival=True)
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        with pdf.open_metadata() as metadata:
            metadata["pdfaid:part"] = "1"
        pdf.save(source)
    check(written(source, [], archival=True))
