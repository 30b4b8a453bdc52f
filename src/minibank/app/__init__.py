"""The composition root: settings become a database, an engine, an API and a server."""

from minibank.app.bank import Bank, open_bank
from minibank.app.errors import StartError

__all__ = ["Bank", "StartError", "open_bank"]
