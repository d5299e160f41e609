"""What a mail is made of: addresses, templates, and the bytes that travel."""
