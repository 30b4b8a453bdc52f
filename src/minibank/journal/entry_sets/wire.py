"""How an entry set looks, wherever it is shown."""

from typing import Annotated

from msgspec import Meta, Struct

from minibank.core.instants import format_microseconds
from minibank.core.wire import Currency
from minibank.journal.entry_sets.store import ReadSet

Microseconds = Annotated[
    str,
    Meta(
        description="RFC 3339 in UTC, to the microsecond, as it stands in the hash.",
        extra_json_schema={"format": "date-time"},
    ),
]
Hash = Annotated[str, Meta(description="SHA-256, 64 hexadecimal digits.")]


class WireEntry(Struct, frozen=True):
    """One signed amount on one address; a positive one means that the bank owes it more."""

    address: str
    amount: Annotated[int, Meta(description="Minor units; signed.")]
    currency: Currency


class WireEntrySet(Struct, frozen=True, kw_only=True):
    """A balanced group of entries: its place in the chain of its account, and what it moved."""

    account_id: Annotated[str, Meta(description="In whose chain it stands.")]
    sequence: Annotated[int, Meta(description="Its number there, from 1.")]
    id: str
    code: Annotated[str, Meta(description="What caused it: `presentment`, `top_up`, ...")]
    transaction_id: Annotated[str, Meta(description="The transaction that it is of.")]
    forced: Annotated[bool, Meta(description="Booked whatever the balance was.")]
    happened: Microseconds
    booked: Microseconds
    entries: Annotated[list[WireEntry], Meta(description="They add up to zero.")]
    previous_hash: Annotated[Hash, Meta(description="The hash of the set before; zeros before 1.")]
    hash: Hash


def show_entry_set(one: ReadSet) -> WireEntrySet:
    """An entry set as operators read it."""
    return WireEntrySet(
        account_id=one.account_id,
        sequence=one.sequence,
        id=one.id,
        code=one.code,
        transaction_id=one.transaction_id,
        forced=one.forced,
        happened=format_microseconds(one.happened_at),
        booked=format_microseconds(one.booked_at),
        entries=[WireEntry(entry.address, entry.amount, entry.currency) for entry in one.entries],
        previous_hash=one.previous_hash.hex(),
        hash=one.hash.hex(),
    )
