"""Use cases, as far as they need no database."""
