"""What the bank holds about a person: given to them, and taken off when they go."""
