"""The one row that says what bank this is."""

from dataclasses import dataclass

from minibank.db import ReadTx, Tx


@dataclass(frozen=True, slots=True)
class BankRow:
    """What was written when the bank was created: `sandbox` or `production`, and a demo's seed."""

    kind: str
    seed: str | None
    created_at: int


async def find_bank(tx: ReadTx) -> BankRow | None:
    """The bank's row; None in a database that holds no bank yet."""
    row = await tx.fetch_one("SELECT kind, seed, created_at FROM bank WHERE id = 1")
    return BankRow(row["kind"], row["seed"], row["created_at"]) if row else None


async def create_bank(tx: Tx, kind: str, seed: str | None) -> None:
    """Write the row unless there is one: the first of several processes wins."""
    await tx.execute(
        "INSERT INTO bank (id, kind, seed, created_at) VALUES (1, $1, $2, $3)"
        " ON CONFLICT (id) DO NOTHING",
        kind,
        seed,
        tx.now,
    )


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A server key that the bank has worked with: the one with the highest number is in force."""

    number: int
    fingerprint: str
    first_used_at: int


async def find_server_key(tx: ReadTx) -> KeyRow | None:
    """The server key in force; None when the bank has met none yet."""
    row = await tx.fetch_one(
        "SELECT number, fingerprint, first_used_at FROM server_keys ORDER BY number DESC LIMIT 1"
    )
    return KeyRow(row["number"], row["fingerprint"], row["first_used_at"]) if row else None


async def list_server_keys(tx: ReadTx) -> list[KeyRow]:
    """All server keys that the bank has worked with, in their order."""
    rows = await tx.fetch(
        "SELECT number, fingerprint, first_used_at FROM server_keys ORDER BY number"
    )
    return [KeyRow(row["number"], row["fingerprint"], row["first_used_at"]) for row in rows]


async def add_server_key(tx: Tx, number: int, fingerprint: str) -> None:
    """Put a server key in force; of several processes that do, one wins and the others see it."""
    await tx.execute(
        "INSERT INTO server_keys (number, fingerprint, first_used_at) VALUES ($1, $2, $3)",
        number,
        fingerprint,
        tx.now,
    )
