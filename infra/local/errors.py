"""Why the one-machine stack cannot run."""

from __future__ import annotations

from shared.errors import TwolaneError


class LocalStackError(TwolaneError):
    """One sentence for standard error: what is wrong, and what to do."""

    code = "local_stack"
