"""How fast the bank is, next to limits measured in the same run: `make bench`."""
