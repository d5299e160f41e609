"""Tests of `shared` that need nothing but Python."""
