"""Files attached to transactions: sent here, or anywhere else."""
