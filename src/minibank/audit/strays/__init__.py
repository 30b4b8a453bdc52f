"""Strays: rows of accounts that do not exist."""
