"""The outside world: one small class each, speaking our errors; no SDK type or exception crosses."""
