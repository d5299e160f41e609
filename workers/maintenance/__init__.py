"""Keeping the house."""
