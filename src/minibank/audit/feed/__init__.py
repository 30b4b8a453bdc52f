"""Prove the feed: every item counted for its client, every dismissal with its subject."""
