"""Benchmarks: how fast this is on the machine it runs on, beside what else one could use. `make bench` runs them."""
