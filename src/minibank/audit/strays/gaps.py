"""Find the rows of accounts that do not exist, at a cost that does not depend on history."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from minibank.audit.findings import Finding
from minibank.audit.strays import store
from minibank.db import ReadTx

RowKey = tuple[int, str]
"""A shard and an id there."""

_LAST_ID = "\U0010ffff"
"""After every id."""


async def find_strays(tx: ReadTx, keys: Sequence[RowKey], *, in_full: bool) -> Iterator[Finding]:
    """Strays between neighbouring accounts, whose `keys` come in order.

    An authorisation that has ended is found `in_full` only: no index leads to it by its account.
    """
    columns = gaps_between(keys)
    rows = [*await store.list_between(tx, *columns)]
    rows += await store.list_messages_between(tx, *columns)
    if empty := shards_between(keys):
        rows += await store.list_in_shards(tx, *empty)
        rows += await store.list_messages_in_shards(tx, *empty)
    if in_full:
        rows += await store.list_authorisations(tx, keys[0], keys[-1])
    found = {
        (account_id, place): None
        for row in rows
        for place in row.keys()  # noqa: SIM118 - a row iterates over its values
        if (account_id := row[place]) is not None
    }
    return (
        Finding("account.missing", account_id, account_id, f"has rows in {place} and is not there")
        for account_id, place in found
    )


def gaps_between(keys: Sequence[RowKey]) -> tuple[list[int], list[str], list[str]]:
    """Where there can be strays between neighbours, as columns of shards, ids before and after."""
    gaps = [gap for one, next_one in pairwise(keys) for gap in _gaps(one, next_one)]
    shards, after, until = zip(*gaps, strict=True)
    return list(shards), list(after), list(until)


def _gaps(one: RowKey, next_one: RowKey) -> list[tuple[int, str, str]]:
    """Where there can be strays between two rows, as (shard, after id, until id)."""
    if one[0] == next_one[0]:
        return [(one[0], one[1], next_one[1])]
    return [(one[0], one[1], _LAST_ID), (next_one[0], "", next_one[1])]


def shards_between(keys: Sequence[RowKey]) -> tuple[list[int], list[int]] | None:
    """The ranges of shards, ends excluded, that no key is in, as columns; None without any."""
    ranges = [(one, after) for (one, _), (after, _) in pairwise(keys) if after - one > 1]
    if not ranges:
        return None
    above, below = zip(*ranges, strict=True)
    return list(above), list(below)
