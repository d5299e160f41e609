"""Mails: addresses, bytes, templates."""
