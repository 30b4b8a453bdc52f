"""The command line: `minibank`, one module for each group of commands."""

from minibank.cli.main import main

__all__ = ["main"]
