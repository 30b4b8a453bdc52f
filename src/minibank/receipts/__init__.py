"""Receipts: what an app says that a payment was for, item by item."""
