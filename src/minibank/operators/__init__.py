"""Those who run the bank: their keys, and what they asked for."""
