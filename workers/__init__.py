"""The heavy lane: Celery workers. One app; a folder a domain, the same file names in each."""
