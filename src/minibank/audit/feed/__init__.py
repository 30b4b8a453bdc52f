"""Prove the feed: every item and key with the work of its end, every dismissal with its subject."""
