"""Deliver what is in the outbox: claim it with a lease, send it, record each attempt."""
