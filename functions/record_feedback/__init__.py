"""A mail bounced or was complained about: its recipient is written to no more."""
