"""An operator makes an API key."""
