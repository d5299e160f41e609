"""The heavy lane, piece by piece, on real databases."""
