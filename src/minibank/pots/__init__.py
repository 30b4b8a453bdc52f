"""Pots: money that a customer sets aside within an account."""
