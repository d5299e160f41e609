"""The writers of outputs."""
