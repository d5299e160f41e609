"""A font of one glyph, which shows nothing: text in it is found, marked and copied, and never seen."""

from __future__ import annotations

import struct
from typing import Final

import pikepdf
from pikepdf import Dictionary, Name

ADVANCE: Final = 500
"""Width of every character, in thousandths of the font's size; its height is 1000, all of it above the base line."""

_EM: Final = 1000
_FIRST: Final = 1
_LAST: Final = 0xFFFF
_REPLACEMENT: Final = "\ufffd"
_BLOCK: Final = 100
"""Mappings in one `beginbfchar` section, at most."""

_FIXED_PITCH_SYMBOLIC: Final = 1 | 4


class GlyphlessFont:
    """The font as it is in one PDF: every character that occurs gets a code of two bytes.

    Codes are given out as characters come, so that all of Unicode fits: a document has fewer different characters than
    there are codes. Should it have more, the rest is found as U+FFFD.

    Args:
        pdf: where it is embedded.
    """

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._codes: dict[str, int] = {_REPLACEMENT: _FIRST}
        # Pages point at it before it is known what is in it.
        self.reference = pdf.make_indirect(Dictionary(Type=Name.Font))

    def encode(self, text: str) -> str:
        """Return the text as hexadecimal digits of its codes."""
        return "".join(f"{self._code(character):04x}" for character in text)

    def finish(self) -> None:
        """Write the font, once every page is."""
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name("/TwolaneGlyphless"),
            CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
            DW=ADVANCE,
            FontDescriptor=self._pdf.make_indirect(self._descriptor()),
            # Every code is shown by glyph 1: glyph 0 means that a font lacks a character.
            CIDToGIDMap=self._pdf.make_stream(b"\0\0" + b"\0\1" * len(self._codes)),
        )
        self.reference.update(
            Dictionary(
                Subtype=Name.Type0,
                BaseFont=Name("/TwolaneGlyphless"),
                Encoding=Name("/Identity-H"),
                DescendantFonts=[self._pdf.make_indirect(descendant)],
                ToUnicode=self._pdf.make_stream(self._to_unicode()),
            )
        )

    def _code(self, character: str) -> int:
        if character not in self._codes:
            if len(self._codes) + _FIRST > _LAST:
                return _FIRST
            self._codes[character] = len(self._codes) + _FIRST
        return self._codes[character]

    def _descriptor(self) -> Dictionary:
        program = truetype()
        return Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name("/TwolaneGlyphless"),
            Flags=_FIXED_PITCH_SYMBOLIC,
            FontBBox=[0, 0, ADVANCE, _EM],
            ItalicAngle=0,
            Ascent=_EM,
            Descent=0,
            CapHeight=_EM,
            StemV=80,
            FontFile2=self._pdf.make_stream(program, Length1=len(program)),
        )

    def _to_unicode(self) -> bytes:
        mappings = [f"<{code:04x}> <{char.encode('utf-16-be').hex()}>" for char, code in self._codes.items()]
        sections = [mappings[start : start + _BLOCK] for start in range(0, len(mappings), _BLOCK)]
        body = "\n".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar" for part in sections)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /TwolaneUnicode def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{body}\n"
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode()


def truetype() -> bytes:
    """Return the font's program: glyph 0 is empty, glyph 1 a line back and forth (tables as in OpenType 1.9).

    A line encloses nothing to paint, but has a height: without one, pdfium passes over text that runs up or down.
    """
    # contours, box, last point, instructions, two points on the curve, the way to each
    line = struct.pack(">hhhhhHHBBhhhh", 1, 0, 0, ADVANCE, _EM, 1, 0, 1, 1, 0, ADVANCE, 0, _EM)
    tables = {
        # version, revision, checksum (below), magic, flags, units, dates, box, style, least size, direction, formats
        b"head": struct.pack(
            ">iiIIHHqqhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, _EM, 0, 0, 0, 0, ADVANCE, _EM, 0, 8, 2, 0, 0
        ),
        # version, ascent, descent, gap, widest, bearings, extent, caret, reserved, format, widths that follow
        b"hhea": struct.pack(
            ">ihhhHhhhhhhhhhhhH", 0x10000, _EM, 0, 0, ADVANCE, 0, 0, ADVANCE, 1, 0, 0, 0, 0, 0, 0, 0, 2
        ),
        b"maxp": struct.pack(">iH13H", 0x10000, 2, 2, 1, 0, 0, 1, *(0,) * 8),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(line) // 2),
        b"glyf": line,
    }
    head_at = 0
    offset = 12 + 16 * len(tables)
    directory, body = b"", b""
    for tag, data in sorted(tables.items()):
        padded = data + bytes(-len(data) % 4)
        directory += struct.pack(">4sIII", tag, _checksum(padded), offset + len(body), len(data))
        head_at = offset + len(body) if tag == b"head" else head_at
        body += padded
    # number of tables, then what a binary search in them starts from: 4 is the largest power of two in 6
    font = struct.pack(">IHHHH", 0x10000, len(tables), 4 * 16, 2, (len(tables) - 4) * 16) + directory + body
    adjustment = (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF
    return font[: head_at + 8] + struct.pack(">I", adjustment) + font[head_at + 12 :]


def _checksum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f">{len(data) // 4}I", data)
    return sum(words) & 0xFFFFFFFF
