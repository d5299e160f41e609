"""Functions behind their queues, over real databases."""
