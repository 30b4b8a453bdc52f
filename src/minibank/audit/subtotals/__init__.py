"""Prove subtotals from the entries."""
