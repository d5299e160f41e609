"""Tests mirror the tree: `unit` one piece, `integration` pieces together, `infra` the template, `bench` figures."""
