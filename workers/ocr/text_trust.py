"""Whether the text a PDF page carries is the text one sees on it."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import pypdfium2.raw as pdfium

from workers.ocr import letter_pairs, text_sight
from workers.ocr.text import HYPHENS

_FEW_CHARACTERS: Final = 200
"""Below this a page may be a scan with a stamp, a fax header or a page number on it; a printed page has 2,000."""

_STAMP_CHARACTERS: Final = 10
"""So few beside anything drawn are a page number, not the page."""

_LEAST_LETTERS: Final = 0.2
"""Letters and digits among visible characters; a table of contents full of dots still has more."""

_MOST_BAD: Final = 0.2
"""Characters without meaning among visible ones; above this the font's mapping to Unicode is broken."""

_MANY_LETTERS: Final = 100
_LEAST_DISTINCT: Final = 4
"""Different letters and digits among so many; a font that maps all its glyphs to one has fewer."""


_NOTES: Final = frozenset({pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP})

_NOT_TEXT: Final = frozenset(
    {pdfium.FPDF_FORMFIELD_PUSHBUTTON, pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}
)

_EMPTY_BYTES: Final = 2
"""What pdfium says is the length of no text: its closing NUL in UTF-16."""


def shows_more(page: Any, form: Any) -> bool:
    """Tell whether filled fields, notes or stamps lie on the page: they are drawn, but are not in the text layer.

    Args:
        page: a `pypdfium2.PdfPage`.
        form: the document's `formenv`, None for one without a form.
    """
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        try:
            if _shows_text(annotation, form):
                return True
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return False


def _shows_text(annotation: Any, form: Any) -> bool:
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if kind == pdfium.FPDF_ANNOT_WIDGET and form is not None:
        return _filled(annotation, form)
    return kind in _NOTES and not pdfium.FPDFAnnot_GetFlags(annotation) & pdfium.FPDF_ANNOT_FLAG_HIDDEN


def _filled(field: Any, form: Any) -> bool:
    """Tell whether a field of a form shows text; one of an unknown kind may."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, field)
    if kind in _NOT_TEXT:
        return False
    if kind in {pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}:
        return bool(pdfium.FPDFAnnot_GetFormFieldValue(form, field, None, 0) > _EMPTY_BYTES)
    return True


def usable(page: Any, textpage: Any, raw: str, unmapped: int) -> bool:
    """Tell whether the text layer can stand for the page; an empty one can for a blank page.

    Args:
        page: a `pypdfium2.PdfPage`.
        textpage: pdfium's text of it.
        raw: that text.
        unmapped: how many more characters pdfium counts: they have no text.
    """
    visible = "".join(raw.split())
    if len(visible) >= _FEW_CHARACTERS:
        return _trusted(page, textpage, raw, visible, unmapped)
    drawn = text_sight.drawn(page)
    if not visible:
        return drawn.nothing
    if len(visible) < _STAMP_CHARACTERS and not drawn.nothing:
        return False
    if drawn.may_hold_text:
        return False
    return _trusted(page, textpage, raw, visible, unmapped)


def _trusted(page: Any, textpage: Any, raw: str, visible: str, unmapped: int) -> bool:
    return _meaningful(visible, unmapped) and letter_pairs.plausible(raw) and not text_sight.hidden(page, textpage)


def _meaningful(visible: str, unmapped: int) -> bool:
    """Tell text from what a font with a broken mapping to Unicode yields."""
    others = {character: visible.count(character) for character in set(visible) if not character.isalnum()}
    bad = unmapped + sum(number for character, number in others.items() if _means_nothing(character))
    letters = len(visible) - sum(others.values())
    if letters >= _MANY_LETTERS and len(set(visible)) - len(others) < _LEAST_DISTINCT:
        return False
    return bad <= _MOST_BAD * len(visible) and letters >= _LEAST_LETTERS * len(visible)


def _means_nothing(character: str) -> bool:
    """Tell replacement, control, private-use and unassigned characters; pdfium's own hyphen marks are none of them."""
    if character in HYPHENS:
        return False
    return character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cn", "Co", "Cs"}
