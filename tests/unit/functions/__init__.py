"""Tests of the light lane."""
