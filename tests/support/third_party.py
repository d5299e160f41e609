"""A package of somebody else's that brings an engine, as an installer would leave it on the path."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

GOOD = """
    from workers.ocr.engine import PageText, Word

    class Parrot:
        name = "parrot"
        remote = False

        def version(self):
            return "7"

        def languages(self):
            return ("eng", "prr")

        def prepare(self):
            pass

        def read(self, page, options):
            said = f"{page.width}x{page.height}", *options.languages
            return PageText(" ".join(said), [Word(text, 0.99, (0, 0, 10, 10)) for text in said])
"""


def installed(directory: Path, source: str = GOOD, entry_point: str = "parrot = parrot_engine:Parrot") -> Path:
    """Write a package and what says that it is installed; return the directory to put on the path."""
    module = entry_point.partition("=")[2].partition(":")[0].strip()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{module}.py").write_text(dedent(source))
    told = directory / f"{module}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (told / "RECORD").write_text(f"{module}.py,,\n")
    (told / "entry_points.txt").write_text(f"[twolane.engines]\n{entry_point}\n")
    return directory
