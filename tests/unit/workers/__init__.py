"""Tests of the heavy lane."""
