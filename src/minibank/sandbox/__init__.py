"""The simulated world of a sandbox bank: merchants, people and their history."""
