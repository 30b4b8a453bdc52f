"""People: who they are, how they prove it. Knows nothing of clients, tokens or accounts."""
