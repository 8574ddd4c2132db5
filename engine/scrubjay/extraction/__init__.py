"""Extractors: models that turn what was said into facts, each behind its own SDK."""
