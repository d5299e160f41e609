"""Tests of finding the fields of invoices."""
