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
