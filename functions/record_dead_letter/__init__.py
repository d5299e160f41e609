"""A message that no function finished becomes a row in the one list of dead letters."""
