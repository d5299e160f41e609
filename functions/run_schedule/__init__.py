"""A schedule fired: the mail it stands for is queued."""
