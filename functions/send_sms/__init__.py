"""Text messages: each sent once, or visible as a dead letter."""
