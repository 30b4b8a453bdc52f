"""Prove the outbox: whatever happened was put into it once for each webhook, and nothing else."""
