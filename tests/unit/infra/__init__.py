"""The one-machine stack and the command line."""
