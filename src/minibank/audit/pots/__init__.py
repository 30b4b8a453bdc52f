"""Prove pots: what each is said to hold, and what its entries say."""
