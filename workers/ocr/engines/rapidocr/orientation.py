"""Which way up a page is, from its lines: most are wide, and read better the right way round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workers.ocr.engines.rapidocr.detection import Region
from workers.ocr.engines.rapidocr.models import Floats

Box = tuple[int, int, int, int]

UPRIGHT: Final = 0
_LONG: Final = 1.5
"""So many times as long as high tells which way a line runs."""


def likely_turns(regions: Sequence[Region]) -> tuple[int, int]:
    """Return the two ways the page may be turned, the likelier first: by how many quarters, clockwise."""
    wide = sum(region.across for region in regions if region.across >= _LONG * region.down)
    tall = sum(region.down for region in regions if region.down >= _LONG * region.across)
    return (3, 1) if tall > wide else (0, 2)


def as_read(region: Region, turn: int) -> Floats:
    """Return the corners of a line on a page turned so, from the top left as one reads it.

    A line that runs across the others is read from the bottom of the page to its top, as on the spine of a folder.
    """
    sideways = region.down >= _LONG * region.across
    level = region.across >= _LONG * region.down
    runs_across = (level and turn % 2 == 1) or (sideways and turn % 2 == 0)
    return np.roll(region.corners, -(turn + 3 if runs_across else turn), axis=0)


def upright(box: Box, turn: int, width: int, height: int) -> Box:
    """Return where a box would be, were the page (of that width and height) not turned."""
    left, top, right, bottom = box
    if turn == 1:
        return top, width - right, bottom, width - left
    if turn == 2:  # noqa: PLR2004 - half round
        return width - right, height - bottom, width - left, height - top
    if turn == 3:  # noqa: PLR2004 - three quarters
        return height - bottom, left, height - top, right
    return box
