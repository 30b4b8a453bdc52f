"""The part of an export that is about an account's books: holds, entries, answers, due work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from minibank.core.instants import format_instant
from minibank.db import ReadTx
from minibank.privacy import store

PAGE = 500
"""How many rows of one kind are read at a time."""


@dataclass(frozen=True, slots=True)
class Books:
    """Whose books, how many entry sets they have, and whether others own the account too."""

    shard: int
    account_id: str
    chain_length: int
    is_joint: bool


class Records(Protocol):
    """Takes records."""

    def put(self, record: str, data: object) -> None:
        """Write one record."""
        ...


async def export_books(tx: ReadTx, books: Books, lines: Records) -> None:
    """Write the books of an account."""
    await _export_authorisations(tx, books, lines)
    await _export_entries(tx, books, lines)
    await _export_outcomes(tx, books, lines)
    for row in await store.list_due(tx, books.shard, books.account_id):
        due = {"kind": row["kind"], "subject": row["subject"], "due": format_instant(row["due_at"])}
        lines.put("due_work", {"account_id": books.account_id, **due})


async def _export_authorisations(tx: ReadTx, books: Books, lines: Records) -> None:
    after = ""
    while rows := await store.list_authorisations(tx, books.shard, books.account_id, after, PAGE):
        for row in rows:
            lines.put(
                "authorisation",
                {
                    "id": row["id"],
                    "account_id": books.account_id,
                    "card_id": row["card_id"],
                    "transaction_id": row["transaction_id"],
                    "state": row["state"],
                    "held": row["held"],
                    "expires": format_instant(row["expires_at"]),
                },
            )
        after = rows[-1]["id"]


async def _export_entries(tx: ReadTx, books: Books, lines: Records) -> None:
    """Entry sets are numbered from 1 without gaps, so pages are counted off."""
    for after in range(0, books.chain_length, PAGE):
        sets: dict[int, dict[str, object]] = {}
        entries: dict[int, list[dict[str, object]]] = {}
        for row in await store.list_entries(tx, books.shard, books.account_id, after, PAGE):
            sets[row["sequence"]] = {
                "id": row["id"],
                "account_id": books.account_id,
                "sequence": row["sequence"],
                "code": row["code"],
                "transaction_id": row["transaction_id"],
                "happened": format_instant(row["happened_at"]),
                "booked": format_instant(row["booked_at"]),
            }
            entries.setdefault(row["sequence"], []).append(
                {name: row[name] for name in ("address", "amount", "currency")}
            )
        for sequence, entry_set in sets.items():
            lines.put("entry_set", {**entry_set, "entries": entries[sequence]})


async def _export_outcomes(tx: ReadTx, books: Books, lines: Records) -> None:
    after = ("", "")
    while rows := await store.list_outcomes(tx, books.shard, books.account_id, after, PAGE):
        outcomes = [msgspec.json.decode(row["outcome"]) for row in rows]
        await _leave_out_payers(tx, books, outcomes)
        for row, outcome in zip(rows, outcomes, strict=True):
            lines.put(
                "command",
                {
                    "account_id": books.account_id,
                    # An issuer may name who asked, which on a joint account may be another owner.
                    "issuer": "" if books.is_joint else row["issuer"],
                    "id": row["command_id"],
                    "command": row["command"],
                    "outcome": outcome,
                    "decided": format_instant(row["decided_at"]),
                },
            )
        after = (rows[-1]["issuer"], rows[-1]["command_id"])


async def _leave_out_payers(
    tx: ReadTx, books: Books, outcomes: Sequence[dict[str, object]]
) -> None:
    """Take out of the answers to those who paid this account what is theirs alone: what they had
    left, and where their books have it."""
    paid = [one for one in outcomes if "payee_transaction_id" in one]
    ids = [str(one["transaction_id"]) for one in paid]
    own = await store.list_own(tx, books.shard, books.account_id, ids) if ids else set()
    for one in paid:
        if one["transaction_id"] not in own:
            one.pop("balance", None)
            one.pop("entry_sets", None)
