"""What clients write on transactions.

A client's keys are its own: no other client sees them. The key `notes` is different, it is the one
note that the customer and all clients share. The bank's own keys cannot be changed; a client that
sends back all it has read must not fail, so attempts are passed over in silence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from minibank.core.errors import BadParam
from minibank.db import Tx
from minibank.transactions import store
from minibank.transactions.notes import change_notes
from minibank.transactions.records import Annotation, VersionedTransaction
from minibank.transactions.wire import NOTES, decode_metadata, encode_metadata

KEYS_MAX = 100
KEY_BYTES_MAX = 255
VALUE_BYTES_MAX = 4096
METADATA_BYTES_MAX = 64 * 1024
"""What one client may keep on one transaction, keys and values together: a page shows a hundred."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which transaction, whose annotations on it, and for which user the client acts."""

    shard: int
    transaction_id: str
    client_id: str
    user_id: str


def require_acceptable(changes: Mapping[str, str]) -> None:
    """`BadParam` when a key or value is longer than the bank keeps."""
    for key, value in changes.items():
        if not 1 <= len(key.encode()) <= KEY_BYTES_MAX:
            raise BadParam("metadata", f"must have keys of 1 to {KEY_BYTES_MAX} bytes")
        if len(value.encode()) > VALUE_BYTES_MAX:
            raise BadParam("metadata", f"must have values of at most {VALUE_BYTES_MAX} bytes")


def merge(current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The keys after the changes: an empty value deletes.

    Raises `BadParam` when they are too many, or too much together.
    """
    merged = {key: value for key, value in {**current, **changes}.items() if value}
    if len(merged) > KEYS_MAX:
        raise BadParam("metadata", f"may hold at most {KEYS_MAX} keys")
    if sum(len(key.encode()) + len(merged[key].encode()) for key in merged) > METADATA_BYTES_MAX:
        raise BadParam("metadata", f"may hold at most {METADATA_BYTES_MAX} bytes in all")
    return merged


def _accept(transaction: VersionedTransaction) -> None:
    """Any version will do."""


async def annotate(
    tx: Tx,
    target: Target,
    changes: Mapping[str, str],
    require: Callable[[VersionedTransaction], None] = _accept,
) -> VersionedTransaction:
    """Apply a client's acceptable changes to a transaction that exists; what it is after them.

    `require` sees it under its lock before anything changes, and may raise. What changes
    nothing writes nothing, and `updated` stays. Otherwise `updated` becomes this instant, or stays
    where it is if it is already later. Raises `BadParam` for too many keys or too much in them.
    """
    # The lock comes first and by itself: what is merged with must be read after it.
    await store.lock_transactions(tx, [target.shard], [target.transaction_id])
    found = await _read(tx, target)
    require(found)
    notes = changes.get(NOTES)
    if notes is not None and notes != found.notes:
        await change_notes(tx, found, notes, target.user_id, target.client_id)
    fixed = {NOTES, *decode_metadata(found.metadata)}
    private = {key: value for key, value in changes.items() if key not in fixed}
    current = decode_metadata(found.annotations or "{}")
    merged = merge(current, private)
    if merged != current:
        await store.put_annotation(
            tx,
            Annotation(
                shard=target.shard,
                transaction_id=target.transaction_id,
                client_id=target.client_id,
                metadata=encode_metadata(merged),
                updated_at=max(tx.now, found.annotated_at or 0),
            ),
        )
    return await _read(tx, target)


async def _read(tx: Tx, target: Target) -> VersionedTransaction:
    found = await store.find_transaction(tx, target.shard, target.transaction_id, target.client_id)
    assert found is not None, "transactions are never deleted"
    return found
