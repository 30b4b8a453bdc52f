"""The hash chain over an account's entry sets, in the order they were written.

The canonical form of an entry set is the UTF-8 JSON array, without spaces,

    [account_id, sequence, id, code, transaction_id, forced, happened_at, booked_at,
     [[address, amount, currency], ...]]

with the entries in their own order and `forced` as 0 or 1. Its hash is SHA-256 over the previous
hash (32 zero bytes before the first) followed by that form.
"""

import hashlib

import msgspec

from minibank.ledger.entries import EntrySet

GENESIS = bytes(32)


def next_hash(previous: bytes, sequence: int, entry_set: EntrySet) -> bytes:
    """The hash of the entry set that is number `sequence` (from 1) of its account."""
    form: list[object] = [
        entry_set.account_id,
        sequence,
        entry_set.id,
        entry_set.code,
        entry_set.transaction_id,
        int(entry_set.forced),
        entry_set.happened_at,
        entry_set.booked_at,
        [[entry.address, entry.amount, entry.currency] for entry in entry_set.entries],
    ]
    return hash_of(previous, form)


def hash_of(previous: bytes, form: list[object]) -> bytes:
    """The hash of a canonical form that follows the hash `previous`."""
    return hashlib.sha256(previous + msgspec.json.encode(form)).digest()
