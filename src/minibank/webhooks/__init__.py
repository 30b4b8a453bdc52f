"""Webhooks: where a client wants to be told, and the outbox of what it is to be told."""
