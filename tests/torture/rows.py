"""The rows of a bank as they are in its database, read without the bank's own code for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from minibank.db import Database, ReadTx, Row, open_database
from minibank.payments.commands import Outcome
from minibank.payments.effects import EXPIRY
from tests.torture.journal import Key

SOON_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found: outcomes by the command's key, what is booked and held by account, the
    account of each transaction, annotations by transaction and client, what is in the pots of each
    account, and how many pieces of work are due or will be soon: holds to be given back.
    """

    outcomes: dict[Key, Outcome]
    balances: dict[str, tuple[int, int]]
    transactions: dict[str, str]
    annotations: dict[tuple[str, str], dict[str, str]]
    pots: dict[str, int]
    due: int


async def read_rows(database: str) -> Rows:
    """Read them all at one instant."""
    db = await open_database(database)
    try:
        return await db.snapshot(_rows)
    finally:
        await db.close()


async def _rows(tx: ReadTx) -> Rows:
    async def fetch(sql: str) -> Sequence[Row]:
        return await tx.fetch(sql)

    outcomes = await fetch("SELECT account_id, issuer, command_id, outcome FROM outcomes")
    balances = await fetch("SELECT account_id, booked, held FROM balances")
    transactions = await fetch("SELECT id, account_id FROM transactions")
    pots = await fetch(
        "SELECT account_id, CAST(SUM(balance) AS BIGINT) AS total FROM pots GROUP BY account_id"
    )
    annotations = await fetch("SELECT transaction_id, client_id, metadata FROM annotations")
    soon = tx.now + SOON_SECONDS * 1_000_000
    [due] = await tx.fetch(
        "SELECT COUNT(*) AS n FROM due_work WHERE due_at <= $1 AND kind = $2", soon, EXPIRY
    )
    return Rows(
        outcomes={
            (row["account_id"], row["issuer"], row["command_id"]): msgspec.json.decode(
                row["outcome"], type=Outcome
            )
            for row in outcomes
        },
        balances={row["account_id"]: (row["booked"], row["held"]) for row in balances},
        transactions={row["id"]: row["account_id"] for row in transactions},
        annotations={
            (row["transaction_id"], row["client_id"]): msgspec.json.decode(row["metadata"])
            for row in annotations
        },
        pots={row["account_id"]: row["total"] for row in pots},
        due=due["n"],
    )


async def check_integrity(db: Database) -> str:
    """What SQLite says of its own file."""
    row = await db.read(lambda tx: tx.fetch_one("PRAGMA integrity_check"))
    assert row is not None
    return str(row[0])
