"""A PDF is signed where somebody signed it, wherever the field is, and not where somebody may."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from shared.values import DocumentFlag
from tests.support.signing import signed
from tests.unit.workers.ocr.making import pdf_of
from workers.ocr.pdf import PdfDocument


def flags(path: Path, password: str | None = None) -> frozenset[DocumentFlag]:
    """What is told of a PDF."""
    document = PdfDocument(path, password, 300, 10_000_000)
    try:
        return document.flags
    finally:
        document.close()


def form_of(pdf: pikepdf.Pdf, *, filled: bool, below: int, inherits: bool = False) -> None:
    """Give the PDF a field for a signature, so many fields below the first."""
    field = pdf.make_indirect(Dictionary(T=String("signature")) if inherits else Dictionary(FT=Name.Sig))
    if filled:
        value = Dictionary(Type=Name.Sig, ByteRange=Array([0, 10, 20, 30]), Contents=String("x" * 10))
        field.V = pdf.make_indirect(value)
    for _ in range(below):
        field = pdf.make_indirect(Dictionary(T=String("group"), Kids=Array([field])))
    if inherits:
        field.FT = Name.Sig
    pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array([field]), SigFlags=3))


@pytest.mark.parametrize("below", [0, 1, 5])
@pytest.mark.parametrize("inherits", [False, True])
@pytest.mark.parametrize("filled", [False, True])
def test_a_field_counts_once_it_is_signed(tmp_path: Path, below: int, *, inherits: bool, filled: bool) -> None:
    path = tmp_path / "form.pdf"
    with pikepdf.open(pdf_of(["words"], path), allow_overwriting_input=True) as pdf:
        form_of(pdf, filled=filled, below=below, inherits=inherits)
        # What says what a signature covers, elsewhere than in one.
        pdf.Root.Elsewhere = Dictionary(ByteRange=Array([0, 1]))
        pdf.save(path, encryption=False)
    assert (DocumentFlag.SIGNED in flags(path)) is filled
    assert DocumentFlag.FORM in flags(path)


def test_a_signature_of_a_signing_program_is_one(tmp_path: Path) -> None:
    path = pdf_of(["words"], tmp_path / "signed.pdf")
    path.write_bytes(signed(path.read_bytes()))
    assert DocumentFlag.SIGNED in flags(path)


def test_a_signature_is_found_behind_a_password(tmp_path: Path) -> None:
    path, locked = pdf_of(["words"], tmp_path / "signed.pdf"), BytesIO()
    with pikepdf.open(path) as pdf:
        form_of(pdf, filled=True, below=1)
        pdf.save(locked, encryption=pikepdf.Encryption(owner="owner", user="open"))
    path.write_bytes(locked.getvalue())
    assert {DocumentFlag.SIGNED, DocumentFlag.ENCRYPTED} <= flags(path, "open")


def test_a_form_that_bites_its_tail_is_taken_at_its_word(tmp_path: Path) -> None:
    path = tmp_path / "form.pdf"
    with pikepdf.open(pdf_of(["words"], path), allow_overwriting_input=True) as pdf:
        form_of(pdf, filled=False, below=2)
        pdf.Root.Elsewhere = Dictionary(ByteRange=Array([0, 1]))
        first = pdf.Root.AcroForm.Fields[0]
        first.Kids.append(first)
        pdf.save(path)
    assert DocumentFlag.SIGNED in flags(path)
