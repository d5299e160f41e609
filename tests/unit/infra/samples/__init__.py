"""The samples: made anew, read back."""
