"""The feed: a view over an account's transactions, and what apps put among them."""
