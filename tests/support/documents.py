"""Small documents that tests send: quick to read, each with text that can be looked for."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

WORDS = (
    "anchor", "basket", "candle", "dragon", "engine", "forest", "garden", "harbor", "island", "jacket",
    "kettle", "ladder", "magnet", "needle", "orange", "pencil", "quartz", "rocket", "saddle", "timber",
)  # fmt: skip

HANG_ON_FIRST_CALL = """if reads and len(open({calls!r}).readlines()) == 1:
    import time
    time.sleep(600)
"""


def page_word(number: int) -> str:
    """The word that only page `number` (from 1) of `scanned_pdf` holds."""
    return WORDS[(number - 1) % len(WORDS)]


def image(text: str, size: tuple[int, int] = (700, 220)) -> Image.Image:
    """A white image with one line of black text, at 150 dpi."""
    picture = Image.new("L", size, 255)
    ImageDraw.Draw(picture).text((40, 80), text, fill=0, font=ImageFont.load_default(48))
    return picture


def png(text: str) -> bytes:
    """A small PNG that says `text`."""
    return encoded(image(text), "PNG")


def encoded(picture: Image.Image, kind: str) -> bytes:
    """An image as a file."""
    buffer = BytesIO()
    picture.save(buffer, kind, dpi=(150, 150))
    return buffer.getvalue()


def scanned_pdf(pages: int) -> bytes:
    """A PDF of small scanned pages, each with a word of its own."""
    pictures = [image(f"This page says {page_word(number)}") for number in range(1, pages + 1)]
    buffer = BytesIO()
    pictures[0].save(buffer, "PDF", save_all=True, append_images=pictures[1:], resolution=150)
    return buffer.getvalue()
