"""Roles of PostgreSQL for one test: they belong to the server, so each has a name of its own."""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "default_transaction_read_only": "on",
}
"""What the bank asks of each connection."""

_NUMBERS = itertools.count(1)


def new_name(stem: str) -> str:
    """The name of a role that no other test has."""
    return f"{stem}_{os.getpid()}_{next(_NUMBERS)}"


def with_role(url: str, role: str) -> str:
    """The same database as somebody else."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))


@asynccontextmanager
async def limited_role(url: str) -> AsyncIterator[str]:
    """A superuser whose connections have the bank's limits, whatever they ask for."""
    role = new_name("limited")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
        for name, value in LIMITS.items():
            await connection.execute(f"ALTER ROLE {role} SET {name} = '{value}'")
        yield role
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()
