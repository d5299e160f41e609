"""Whatever goes wrong with a page, as an error of ours."""

from __future__ import annotations

import traceback

from shared.errors import EngineFailed, PageTooLarge, TwolaneError


def as_ours(error: Exception) -> TwolaneError:
    """Return the error if it is ours, else one of ours that tells of it; the traceback travels as a note."""
    if isinstance(error, TwolaneError):
        return error
    if isinstance(error, MemoryError):
        return PageTooLarge("The page takes more memory than a page may; send it smaller or in parts.")
    failure = EngineFailed(f"Reading failed with {type(error).__name__}: {error}.")
    failure.add_note("".join(traceback.format_exception(error)))
    return failure
