"""The bank's own accounts."""
