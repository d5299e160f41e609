"""What is done to a deployed stack from outside."""
