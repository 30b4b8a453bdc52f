"""Foundations with no dependencies: clock, errors, ids, money, instants, page windows."""
