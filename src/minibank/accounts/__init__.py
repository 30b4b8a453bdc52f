"""Accounts: their numbers, owners, cards and state. Knows no client and no token."""
