"""Scaling, its simulation and what it costs."""
