"""The command line against a small real server."""
