"""The tests of minibank."""
