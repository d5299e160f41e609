"""Every minute: how much waits, for how long, and who works on it -> CloudWatch."""
