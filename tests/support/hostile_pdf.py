"""PDFs written object by object: what libraries that make PDFs would never let one do."""

from __future__ import annotations

import struct
import textwrap
import zlib
from io import BytesIO
from typing import Final

from PIL import Image

from tests.support.hostile_images import PAGE

FONT: Final = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


_STRIP, _STRIP_BYTES = 273, 279  # tags of a TIFF


def stream(entries: bytes, data: bytes) -> bytes:
    """A stream object."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def flate(data: bytes) -> bytes:
    """Data as /FlateDecode takes it."""
    return zlib.compress(data, 9)


def pdf(objects: list[bytes], *, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out) + b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def page(
    content: bytes,
    *more: bytes,
    resources: bytes = b"",
    extra: bytes = b"",
    box: bytes = b"0 0 612 792",
    catalog: bytes = b"",
) -> bytes:
    """A PDF of one page with this content; the font is /F1, and `more` objects count from 6."""
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>%s>>%s>>"
            % (box, resources, extra),
            stream(b"", content),
            FONT,
            *more,
        ]
    )


def text(line: str, *, size: int = 24, at: tuple[int, int] = (72, 600), mode: int = 0) -> bytes:
    """Operators that show a line of Latin text; in mode 3 nobody sees it."""
    escaped = line.encode("cp1252").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return b"BT %d Tr /F1 %d Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n" % (mode, size, *at, escaped)


def lines(whole: str, *, size: int = 10, mode: int = 0) -> bytes:
    """Operators that show Latin text as lines of up to 90 characters, one below the other."""
    cut = textwrap.wrap(whole, 90)
    places = [(50, 780 - number * (size + 4)) for number in range(1, len(cut) + 1)]
    return b"".join(text(line, size=size, at=place, mode=mode) for line, place in zip(cut, places, strict=True))


def layered(content: bytes, *, on: bool) -> bytes:
    """A page with a line of text, and `content` in a layer (optional content) that is on or off."""
    state = b"/D<<>>" if on else b"/D<</OFF[6 0 R]>>"
    return page(
        text("On every plan") + b"/OC /L BDC " + content + b"EMC",
        b"<</Type/OCG/Name(L)>>",
        resources=b"/Properties<</L 6 0 R>>",
        catalog=b"/OCProperties<</OCGs[6 0 R]%s>>" % state,
    )


def field(value: bytes) -> bytes:
    """A form with one field on it."""
    widget = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(%s)/DA(/F1 12 Tf 0 g)/F 4/Rect[72 500 300 520]>>" % value
    form = b"/AcroForm<</Fields[6 0 R]/DA(/F1 12 Tf 0 g)/DR<</Font<</F1 5 0 R>>>>>>"
    return page(text("Name of the applicant"), widget, extra=b"/Annots[6 0 R]", catalog=form)


def mismapped(whole: str, by: int) -> bytes:
    """A page that shows this text, and whose font says of each letter that it is the one `by` later."""
    codes = range(ord("A"), ord("z") + 1 - by)
    pairs = b" ".join(b"<%02x> <%04x>" % (code, code + by) for code in codes)
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
        b"%d beginbfchar %s endbfchar endcmap end" % (len(codes), pairs)
    )
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
    font = FONT[:-2] + b"/ToUnicode 6 0 R>>"
    root = b"<</Type/Catalog/Pages 2 0 R>>"
    return pdf([root, b"<</Type/Pages/Count 1/Kids[3 0 R]>>", leaf, stream(b"", lines(whole)), font, stream(b"", cmap)])


def note(kind: bytes, content: bytes, *, flags: int = 4) -> bytes:
    """A page of text with a note on it: free text, a stamp, a link."""
    drawn = stream(b"/Type/XObject/Subtype/Form/BBox[0 0 300 50]/Resources<</Font<</F1 5 0 R>>>>", content)
    annotation = b"/Annots[<</Type/Annot/Subtype/%s/F %d/Rect[100 300 400 350]/Border[0 0 0]/AP<</N 6 0 R>>>>]"
    return page(text("Invoice of the harbour office"), drawn, extra=annotation % (kind, flags))


SHOWN: Final = b"q 500 0 0 157 56 500 cm /Im Do Q\n"
"""Draws the image /Im at about the size and place of a line of text."""


def picture(entries: bytes, data: bytes, *more: bytes, content: bytes = SHOWN, extra: bytes = b"") -> bytes:
    """A page that shows `PAGE` (700 x 220), stored in some way; the image is object 6, `more` count from 7."""
    image = stream(b"/Type/XObject/Subtype/Image/Width %d/Height %d%s" % (*PAGE.size, entries), data)
    return page(content, image, *more, resources=b"/XObject<</Im 6 0 R>>", extra=extra)


def fax(image: Image.Image, group: int) -> bytes:
    """The image's CCITT data, black as 0, group 3 or 4."""
    buffer = BytesIO()
    image.convert("1").save(buffer, "TIFF", compression=f"group{group}", tiffinfo={278: image.height})
    data = buffer.getvalue()
    directory = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, directory)[0]
    tags = dict(struct.unpack_from("<H6xI", data, directory + 2 + 12 * number) for number in range(entries))
    return data[tags[_STRIP] : tags[_STRIP] + tags[_STRIP_BYTES]]


def jbig2(data: bytes, size: tuple[int, int]) -> bytes:
    """A JBIG2 stream, as PDFs embed it: one page, one generic region coded by MMR, which is CCITT group 4."""
    page_info = struct.pack(">IIIIBH", *size, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", *size, 0, 0, 0, 1) + data
    segments = [(48, page_info), (38, region)]
    return b"".join(
        struct.pack(">IBBBI", number, kind, 0, 1, len(body)) + body for number, (kind, body) in enumerate(segments)
    )


def encoded(kind: str, mode: str = "L") -> bytes:
    """The page as JPEG or JPEG 2000."""
    buffer = BytesIO()
    PAGE.convert(mode).save(buffer, kind, quality=95) if kind == "JPEG" else PAGE.convert(mode).save(buffer, kind)
    return buffer.getvalue()


def inline() -> bytes:
    """The page's pixels in the page's own content."""
    bits = PAGE.convert("1").tobytes()
    head = b"BI /W 700 /H 220 /BPC 1 /CS /G ID "
    return page(b"q 500 0 0 157 56 500 cm " + head + bits + b"\nEI Q")


def run_length(data: bytes) -> bytes:
    """Data as /RunLengthDecode takes it, without any saving."""
    pieces = (data[start : start + 128] for start in range(0, len(data), 128))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces) + b"\x80"


def _grey(entries: bytes = b"") -> bytes:
    return b"/ColorSpace/DeviceGray/BitsPerComponent 8" + entries


def soft_mask() -> bytes:
    """Black all over, seen only through a mask that holds the text."""
    mask = stream(
        b"/Type/XObject/Subtype/Image/Width 700/Height 220/Filter/FlateDecode" + _grey(),
        flate(PAGE.point(lambda level: 255 - level).tobytes()),
    )
    return picture(_grey(b"/Filter/FlateDecode/SMask 7 0 R"), flate(bytes(700 * 220)), mask)


def nested_forms(depth: int) -> bytes:
    """An image within `depth` forms, each within the next."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</Im %d 0 R>>>>"
    forms = [stream(form % (number + 8), b"/Im Do") for number in range(depth - 1)]
    last = stream(form % 6, SHOWN)
    image = stream(b"/Type/XObject/Subtype/Image/Width 700/Height 220/Filter/FlateDecode" + _grey(), PIXELS)
    return page(b"/Fm Do", image, *forms, last, resources=b"/XObject<</Fm 7 0 R>>")


PIXELS: Final = flate(PAGE.tobytes())
FAX: Final = fax(PAGE, 4)

PICTURES: Final[dict[str, bytes]] = {
    "JBIG2": picture(b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", jbig2(FAX, PAGE.size)),
    "CCITT group 3": picture(
        b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode"
        b"/DecodeParms<</K 0/EndOfLine true/Columns 700/Rows 220>>",
        fax(PAGE, 3),
    ),
    "CCITT group 4": picture(
        b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 700/Rows 220>>",
        FAX,
    ),
    "JPEG 2000": picture(b"/Filter/JPXDecode", encoded("JPEG2000")),
    "JPEG 2000 in colour": picture(b"/Filter/JPXDecode", encoded("JPEG2000", "RGB")),
    "JPEG in CMYK": picture(
        b"/ColorSpace/DeviceCMYK/BitsPerComponent 8/Filter/DCTDecode/Decode[1 0 1 0 1 0 1 0]", encoded("JPEG", "CMYK")
    ),
    "in the content": inline(),
    "as a mask": picture(b"/ImageMask true/BitsPerComponent 1", PAGE.convert("1").tobytes()),
    "through a soft mask": soft_mask(),
    "run lengths in Flate": picture(_grey(b"/Filter[/FlateDecode/RunLengthDecode]"), flate(run_length(PAGE.tobytes()))),
    "forms in forms": nested_forms(12),
    "on its side": picture(
        _grey(b"/Filter/FlateDecode"),
        PIXELS,
        content=b"q 0 500 -157 0 400 100 cm /Im Do Q",
        extra=b"/Rotate 90/CropBox[200 50 450 700]",
    ),
    "in large units": picture(_grey(b"/Filter/FlateDecode"), PIXELS, extra=b"/UserUnit 2"),
    "16 bits": picture(
        b"/ColorSpace/DeviceGray/BitsPerComponent 16/Filter/FlateDecode",
        flate(b"".join(bytes([level, level]) for level in PAGE.tobytes())),
    ),
}
"""Scans that say `hostile_images.TEXT`, each stored in another way."""


def two_pages(first: bytes, *more: bytes, resources: bytes) -> bytes:
    """A page with this content, and one that says `Page two is fine`; `more` objects count from 7."""
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 8 0 R>>%s>>>>"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]>>",
            leaf % (5, resources),
            leaf % (6, b""),
            stream(b"", first),
            stream(b"", text("Page two is fine")),
            more[0],
            FONT,
            *more[1:],
        ]
    )


_RGB: Final = b"/ColorSpace/DeviceRGB"
_BY_PROGRAM: Final = b"<</ShadingType 2%s/Coords[0 0 612 792]/Extend[true true]/Function<<%s>>>>" % (
    _RGB,
    b"/FunctionType 2/N 1/Domain[0 1]/C0[0 0 0]/C1[1 1 1]",
)


def _tree() -> bytes:
    """Forms that each draw the next ten times: 10^11 rectangles."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</A %d 0 R>>>>"
    numbers = [9, *range(10, 20)]
    inner = [stream(form % (number + 1), b"/A Do " * 10) for number in numbers]
    last = stream(b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]", b"0 0 9 9 re f")
    return two_pages(b"/A Do", stream(form % 9, b"/A Do " * 10), *inner, last, resources=b"/XObject<</A 7 0 R>>")


ENDLESS: Final = {
    "a pattern of a million million tiles": two_pages(
        b"/Pattern cs /P scn 0 0 612 792 re f",
        stream(
            b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.001/YStep 0.001/Resources<<>>",
            b"0 0 1 1 re f",
        ),
        resources=b"/Pattern<</P 7 0 R>>",
    ),
    "50,000 shadings": two_pages(b"/S sh " * 50_000, _BY_PROGRAM, resources=b"/Shading<</S 7 0 R>>"),
    "a tree of forms": _tree(),
}
"""Pages that take for ever, in front of one that does not."""


def plan(size: tuple[int, int]) -> bytes:
    """CCITT data, group 4, of a sheet with one large line of text on it."""
    sheet = Image.new("1", size, 1)
    sheet.paste(PAGE.convert("1").resize((7000, 2200)), (2000, 2000))
    return fax(sheet, 4)
