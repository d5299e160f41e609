"""Tests of `shared` on real databases, a real Redis and an object store."""
