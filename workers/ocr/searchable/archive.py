"""PDF/A-2b (ISO 19005-2): what a PDF must be to look the same in a hundred years.

Pages that are images, and nothing else that is drawn, can be made so by what is added: colours that are defined, a
description of itself. Whatever stands against it is named, never left out silently: that would be another document.
A file that says it is PDF/A-1 or PDF/A-2 already is taken at its word for its fonts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, Page, Pdf, Stream, String
from PIL import ImageCms

from shared.errors import NotArchivable
from workers.ocr.searchable.geometry import chain

_PRINT: Final = 4
"""The flag of an annotation that is printed; PDF/A wants it, and none that hides."""

_IMAGE_FILTERS: Final = frozenset(
    {"/DCTDecode", "/FlateDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/RunLengthDecode", "/ASCII85Decode"}
)
_NEVER: Final = frozenset({"/LZWDecode", "/LZW", "/Crypt"})
_COLOURS: Final = frozenset({"/DeviceGray", "/DeviceRGB", "/CalGray", "/CalRGB", "/Lab", "/G", "/RGB"})
_CMYK_OPERATORS: Final = frozenset({"k", "K"})
_GRAPHICS_STATE: Final = frozenset(
    {"/Type", "/LW", "/LC", "/LJ", "/ML", "/D", "/SA", "/AIS", "/CA", "/ca", "/SM", "/FL"}
)
_ACTIONS: Final = frozenset({"/GoTo", "/URI"})
_CATALOG: Final = {
    "/AcroForm": "it has a form",
    "/AA": "it starts actions by itself",
    "/OCProperties": "it has layers that can be switched",
    "/Collection": "it is a portfolio of files",
    "/Requirements": "it asks for software that can more than show it",
    "/NeedsRendering": "its pages are made by a program",
}
_NAMES: Final = {"/JavaScript": "it holds JavaScript", "/EmbeddedFiles": "it has files attached"}
_DEPTH: Final = 16


def make_archival(pdf: Pdf, title: str) -> None:
    """Turn an open PDF into a PDF/A-2b, to be saved without encryption.

    Args:
        pdf: with its text laid over already.
        title: for one that has none.

    Raises:
        NotArchivable: the sentence says what stands against it.
    """
    trusted = _says_it_is_archival(pdf)
    for reason in _obstacles(pdf, trusted=trusted):
        message = f"This PDF can't be made a PDF/A-2b without changing it: {reason}. Fetch it as `pdf`."
        raise NotArchivable(message)
    for page in pdf.pages:
        _mend(page)
    _give_colours(pdf)
    _describe(pdf, title)


def _says_it_is_archival(pdf: Pdf) -> bool:
    try:
        with pdf.open_metadata(update_docinfo=False) as metadata:
            return str(metadata.get("pdfaid:part", "")) in {"1", "2"}
    except Exception:  # noqa: BLE001 - whatever damaged metadata leads a parser to
        return False


def _obstacles(pdf: Pdf, *, trusted: bool) -> Iterator[str]:
    yield from (reason for key, reason in _CATALOG.items() if key in pdf.Root)
    names = pdf.Root.get(Name.Names, Dictionary())
    yield from (reason for key, reason in _NAMES.items() if key in names)
    opening = pdf.Root.get(Name.OpenAction)
    if isinstance(opening, Dictionary) and str(opening.get(Name.S)) not in _ACTIONS:
        yield "it starts an action when it is opened"
    if any(_packed_oddly(found) for found in pdf.objects):
        yield "some of it is packed in a way that archives must not be (LZW), or lies in another file"
    for number, page in enumerate(pdf.pages, start=1):
        yield from (f"page {number} {reason}" for reason in _PageCheck(page, trusted=trusted).obstacles())


class _PageCheck:
    """Looks for what stands against one page."""

    def __init__(self, page: Page, *, trusted: bool) -> None:
        self._page = page
        self._trusted = trusted

    def obstacles(self) -> Iterator[str]:
        if Name.AA in self._page.obj:
            yield "starts actions by itself"
        for annotation in _entries(self._page.obj.get(Name.Annots)):
            yield from self._annotation(annotation)
        group = self._page.obj.get(Name.Group, Dictionary())
        if Name.CS in group:
            yield from _colour(group[Name.CS])
        resources = next((node[Name.Resources] for node in chain(self._page) if Name.Resources in node), Dictionary())
        yield from self._resources(resources, _DEPTH)
        yield from self._content(self._page)

    def _annotation(self, annotation: Any) -> Iterator[str]:
        if str(annotation.get(Name.Subtype)) != "/Link":
            yield "has notes, stamps or fields on it"
        action = annotation.get(Name.A)
        if Name.AA in annotation or (action is not None and str(action.get(Name.S)) not in _ACTIONS):
            yield "has a link that does more than lead somewhere"

    def _resources(self, resources: Any, depth: int) -> Iterator[str]:
        if depth == 0:
            yield "is nested too deeply"
            return
        for font in _values(resources, Name.Font):
            if not self._trusted and str(font.get(Name.BaseFont)) != "/TwolaneGlyphless":
                yield "draws text of its own, whose fonts we can't vouch for"
        for state in _values(resources, Name.ExtGState):
            if self._beyond(state):
                yield "uses transparency or printing instructions we can't vouch for"
        if not self._trusted and (list(_values(resources, Name.Pattern)) or list(_values(resources, Name.Shading))):
            yield "draws patterns or shadings whose colours we can't vouch for"
        for space in _values(resources, Name.ColorSpace):
            yield from _colour(space)
        for drawn in _values(resources, Name.XObject):
            yield from self._drawn(drawn, depth)

    def _beyond(self, state: Any) -> bool:
        plain = str(state.get(Name.BM, Name.Normal)) in {"/Normal", "/Compatible"}
        unmasked = str(state.get(Name.SMask, Name("/None"))) == "/None"
        others = set(state.keys()) - _GRAPHICS_STATE - {"/BM", "/SMask"}
        return not (plain and unmasked and not others)

    def _drawn(self, drawn: Any, depth: int) -> Iterator[str]:
        kind = str(drawn.get(Name.Subtype))
        if kind == "/Form":
            if Name.Ref in drawn or Name.PS in drawn:
                yield "takes parts of itself from elsewhere"
            yield from self._resources(drawn.get(Name.Resources, Dictionary()), depth - 1)
            yield from self._content(drawn)
        elif kind == "/Image":
            yield from self._image(drawn)
        else:
            yield "draws with a program"

    def _image(self, image: Any) -> Iterator[str]:
        filters = {str(name) for name in _entries(image.get(Name.Filter))}
        if filters - _IMAGE_FILTERS:
            yield f"has an image packed as {', '.join(sorted(name[1:] for name in filters - _IMAGE_FILTERS))}"
        if Name.Alternates in image or Name.OPI in image:
            yield "has an image with a stand-in"
        if Name.ColorSpace in image:
            yield from _colour(image[Name.ColorSpace])

    def _content(self, drawing: Any) -> Iterator[str]:
        try:
            instructions = pikepdf.parse_content_stream(drawing, "")
        except (pikepdf.PdfError, pikepdf.PdfParsingError):
            yield "is damaged"
            return
        for instruction in instructions:
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                yield "has an image in the middle of its drawing instructions"
            elif instruction.operator == Operator("cs") or instruction.operator == Operator("CS"):
                yield from _colour(instruction.operands[0], named=True)
            elif str(instruction.operator) in _CMYK_OPERATORS:
                yield "has colours for printing (CMYK), which sRGB does not define"


def _packed_oddly(found: Any) -> bool:
    if not isinstance(found, Stream):
        return False
    return Name.F in found or any(str(name) in _NEVER for name in _entries(found.get(Name.Filter)))


def _colour(space: Any, *, named: bool = False) -> Iterator[str]:
    """Say what stands against a colour space; one that is named in a page's content is checked where it is defined."""
    name = str(space[0]) if isinstance(space, Array) and len(space) else str(space)
    if name in {"/DeviceCMYK", "/CMYK"}:
        yield "has colours for printing (CMYK), which sRGB does not define"
    elif name in {"/Indexed", "/I"}:
        yield from _colour(space[1])
    elif name == "/ICCBased":
        if int(space[1].get(Name.N, 0)) not in {1, 3}:
            yield "has colours for printing (CMYK), which sRGB does not define"
    elif name not in _COLOURS and not named:
        yield f"has colours of a kind we can't vouch for ({name[1:]})"


def _values(resources: Any, kind: Name) -> Iterator[Any]:
    group = resources.get(kind)
    return iter([group[key] for key in group.keys()]) if isinstance(group, Dictionary) else iter(())  # noqa: SIM118


def _entries(found: Any) -> Iterator[Any]:
    return iter(()) if found is None else iter(found) if isinstance(found, Array) else iter((found,))


def _mend(page: Page) -> None:
    """Change what PDF/A wants otherwise and nobody sees: links are printed, images are not smoothed."""
    for annotation in _entries(page.obj.get(Name.Annots)):
        annotation.F = _PRINT
    for image in page.get_images().values():
        if Name.Interpolate in image:
            del image[Name.Interpolate]


def _give_colours(pdf: Pdf) -> None:
    profile = Stream(pdf, srgb(), N=3, Alternate=Name.DeviceRGB)
    pdf.Root.OutputIntents = Array(
        [
            pdf.make_indirect(
                Dictionary(
                    Type=Name.OutputIntent,
                    S=Name("/GTS_PDFA1"),
                    OutputConditionIdentifier=String("sRGB"),
                    Info=String("sRGB IEC61966-2.1"),
                    DestOutputProfile=pdf.make_indirect(profile),
                )
            )
        ]
    )


@cache
def srgb() -> bytes:
    """Return an ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _describe(pdf: Pdf, title: str) -> None:
    """Write the description anew from what the file says of itself: older ones use words of their own."""
    if Name.Metadata in pdf.Root:
        del pdf.Root[Name.Metadata]
    if Name.Title not in pdf.docinfo:
        pdf.docinfo[Name.Title] = String(title)
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata.load_from_docinfo(pdf.docinfo)
        metadata["pdfaid:part"] = "2"
        metadata["pdfaid:conformance"] = "B"
