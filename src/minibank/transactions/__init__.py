"""Transactions: the customer-facing records, how they are read, shown and annotated."""
