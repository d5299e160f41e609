"""How many frames a TIFF has.

Pillow's count takes time that grows with their square: a file of 100,000 tiny frames would take minutes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_BIG: Final = 43
"""The version that marks a BigTIFF, of 64-bit offsets; the other one is 42."""


def count_frames(path: Path) -> int:
    """Return the number of frames, counted along the chain of their directories until it ends or bites its tail.

    Raises:
        struct.error: the file ends within a directory.
    """
    with path.open("rb") as file:
        order = "<" if file.read(2) == b"II" else ">"
        big = _read(file, order + "H") == _BIG
        entries, entry_bytes, offset = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
        file.seek(8 if big else 4)
        seen: set[int] = set()
        while (directory := _read(file, offset)) and directory not in seen:
            seen.add(directory)
            file.seek(directory)
            file.seek(_read(file, entries) * entry_bytes, 1)
        return len(seen)


def _read(file: BinaryIO, layout: str) -> int:
    value: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return value
