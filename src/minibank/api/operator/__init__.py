"""The operator API: for those who run the bank, under `/operator/v1`."""
