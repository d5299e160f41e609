"""A mail is due: it is sent, once."""
