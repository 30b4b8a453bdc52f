"""Subtotals: what entries add up to by day, so that no balance is O(history)."""
