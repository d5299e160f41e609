"""Adapters, as far as they need nobody at the other end."""
