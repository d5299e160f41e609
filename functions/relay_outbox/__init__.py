"""Every minute: publish what a commit left behind, re-drive what a lost worker left behind."""
