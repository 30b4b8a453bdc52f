"""Rules about the source itself, as tests with names."""
