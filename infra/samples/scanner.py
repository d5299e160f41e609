"""What machines do to paper: a flatbed scanner, a fax, and a phone held over a table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Gray = npt.NDArray[np.float32]

_WHITE = 255.0
_FAX_THRESHOLD = 140.0
# A phone sees printer black as a dark gray and paper as a light one.
_INK, _PAPER = 42.0, 233.0


def scan(page: Image.Image, *, angle: float, seed: int) -> Image.Image:
    """`page` (mode L) from a flatbed scanner: `angle` degrees askew, soft edges, some dust, a white background."""
    rng = np.random.default_rng(seed)
    turned = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.7))
    _dust(turned, rng, 40)
    gray = np.asarray(turned, np.float32)
    toner = 24.0 + 10.0 * _clouds(rng, gray.shape, 24)
    inked = toner + gray * (_WHITE - toner) / _WHITE
    # A scanner clips what is nearly white; 16 levels keep the file small and look no different.
    levels = np.round(np.clip((inked - 12.0) * 1.1, 0, _WHITE) / 17.0) * 17.0
    return Image.fromarray(levels.astype(np.uint8))


def fax(page: Image.Image, *, angle: float, seed: int) -> Image.Image:
    """`page` (mode L) in black and white (mode 1): `angle` degrees askew, ragged edges, some dust."""
    rng = np.random.default_rng(seed)
    turned = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
    _dust(turned, rng, 25)
    gray = np.asarray(turned, np.float32) + rng.normal(0, 14, (turned.height, turned.width)).astype(np.float32)
    return Image.fromarray(gray > _FAX_THRESHOLD)


def photograph(paper: Image.Image, size: tuple[int, int], *, seed: int) -> Image.Image:
    """`paper` (mode L) lying on a wooden table, photographed by hand (mode RGB, `size` pixels).

    The sheet is about 4 degrees askew and seen slightly from below; the light comes from the upper left, and the
    photographer's own shadow lies across the lower right.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    corners = [(0.17, 0.045), (0.80, 0.018), (0.885, 0.945), (0.155, 0.975)]
    quad = [(x * width, y * height) for x, y in corners]
    matrix = _perspective(quad, paper.size)
    crumpled = Image.fromarray(_crumpled(paper, rng).astype(np.uint8))
    sheet = crumpled.transform(size, Image.Transform.PERSPECTIVE, matrix, Image.Resampling.BICUBIC)
    mask = Image.new("L", paper.size, 255).transform(size, Image.Transform.PERSPECTIVE, matrix)
    mask = mask.filter(ImageFilter.GaussianBlur(1.2))
    table = _wood(rng, size) * _shadow_of(mask)[..., None]
    cover = (np.asarray(mask, np.float32) / _WHITE)[..., None]
    # Thermal paper is slightly warm.
    warm = np.asarray(sheet, np.float32)[..., None] * np.array([1.0, 0.985, 0.94], np.float32)
    scene = (warm * cover + table * (1 - cover)) * _light(rng, size)[..., None]
    soft = Image.fromarray(np.clip(scene, 0, _WHITE).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    noisy = np.asarray(soft, np.float32) + rng.normal(0, 3.5, (height, width, 3)).astype(np.float32)
    return Image.fromarray(np.clip(noisy, 0, _WHITE).astype(np.uint8))


def _dust(image: Image.Image, rng: np.random.Generator, specks: int) -> None:
    """Drop `specks` dark specks of one to three pixels on `image`."""
    draw = ImageDraw.Draw(image)
    for x, y, radius in zip(
        rng.integers(0, image.width, specks), rng.integers(0, image.height, specks), rng.uniform(0.3, 1.4, specks),
        strict=True,
    ):  # fmt: skip
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=int(rng.integers(60, 170)))


def _clouds(rng: np.random.Generator, shape: tuple[int, ...], cell: int) -> Gray:
    """Smooth noise in -1..1, its blotches about `cell` pixels wide; `shape` is (height, width)."""
    small = rng.uniform(0, _WHITE, (shape[0] // cell + 2, shape[1] // cell + 2)).astype(np.uint8)
    smooth = Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / (_WHITE / 2) - 1.0


def _crumpled(paper: Image.Image, rng: np.random.Generator) -> Gray:
    """Ink of uneven density on paper with two folds and some waves, as gray values."""
    gray = np.asarray(paper, np.float32) / _WHITE
    height, width = gray.shape
    ink = _INK + 12.0 * _clouds(rng, gray.shape, 90)
    relief = 5.0 * _clouds(rng, gray.shape, 220) + 2.0 * _clouds(rng, gray.shape, 60)
    y = np.arange(height, dtype=np.float32)[:, None] + 0.02 * np.arange(width, dtype=np.float32)[None, :]
    for place in (0.36, 0.69):
        off = (y - place * height) / 26.0
        relief += -16.0 * off * np.exp(-(off**2))
    paper_white = _PAPER + relief
    return np.clip(ink + gray * (paper_white - ink), 0, _WHITE).astype(np.float32)


def _wood(rng: np.random.Generator, size: tuple[int, int]) -> Gray:
    """A table top of brown boards, (height, width, 3)."""
    width, height = size
    across = np.arange(width, dtype=np.float32)[None, :] + 22.0 * _clouds(rng, (height, width), 500)
    streaks = sum(
        (
            np.sin(across / period + phase) * weight
            for period, phase, weight in ((31, 0.4, 5), (11, 1.9, 4), (4.3, 0.8, 3))
        ),
        np.zeros((height, width), np.float32),
    )
    fibre = Image.fromarray(rng.uniform(0, _WHITE, (height // 40 + 1, width)).astype(np.uint8)).resize(size)
    tone = streaks + (np.asarray(fibre, np.float32) - 128.0) / 18.0 + 6.0 * _clouds(rng, (height, width), 300)
    seams = np.minimum(np.abs(across % 520.0 - 260.0) / 4.0, 1.0)
    base = np.array([128.0, 88.0, 56.0], np.float32)
    brown = (base + tone[..., None] * np.array([1.0, 0.85, 0.65], np.float32)) * (0.55 + 0.45 * seams[..., None])
    return np.asarray(brown, np.float32)


def _shadow_of(mask: Image.Image) -> Gray:
    """How much light (0-1) reaches the table beside the sheet whose outline is `mask`."""
    moved = Image.new("L", mask.size, 0)
    moved.paste(mask, (12, 14))
    blurred = moved.resize((mask.width // 4, mask.height // 4)).filter(ImageFilter.GaussianBlur(5)).resize(mask.size)
    return 1.0 - 0.5 * np.asarray(blurred, np.float32) / _WHITE


def _light(rng: np.random.Generator, size: tuple[int, int]) -> Gray:
    """How bright (about 0.4-1.1) each pixel is lit, (height, width): falling off, and in shadow at the lower right."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    fall = 1.08 - 0.26 * np.hypot(x - 0.25, 0.8 * (y - 0.12))
    edge = (x + 0.62 * y - 1.02 + 0.03 * _clouds(rng, (height, width), 400)) / 0.09
    return np.asarray(fall * (1.0 - 0.40 / (1.0 + np.exp(-edge))), np.float32)


def _perspective(quad: list[tuple[float, float]], size: tuple[int, int]) -> list[float]:
    """The eight coefficients with which Pillow maps `quad` (clockwise from top left) onto a sheet of `size` pixels."""
    width, height = size
    rows, values = [], []
    for (x, y), (u, v) in zip(quad, [(0, 0), (width, 0), (width, height), (0, height)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows, float), np.array(values, float))]
