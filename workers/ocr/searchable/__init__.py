"""Searchable PDFs: original pages with their words as invisible text, and the same as PDF/A-2b.

All of it parses what strangers sent: it runs in the reading process alone.
"""
