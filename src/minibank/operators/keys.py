"""Create operator keys, rotate their secrets, shut them out, and recognise them.

A secret is `mb_op_`, 33 random base-62 digits and a checksum; only its digest is stored.
"""

import re
from collections.abc import Sequence
from typing import Final

from minibank.core.errors import BadParam, NotFound, Unauthorized
from minibank.core.ids import IdSource
from minibank.core.names import require_name
from minibank.core.secrets import digest, is_intact, new_secret
from minibank.db import ReadTx, Tx
from minibank.operators import store
from minibank.operators.records import SCOPES, Operator, OperatorKey, Scope

PREFIX: Final = "mb_op_"
USE_NOTED_SECONDS = 60
"""How often the use of a key is noted at most."""

_SECRET = re.compile(r"mb_op_[0-9A-Za-z]{39}", re.ASCII)


def new_key_secret(ids: IdSource) -> str:
    """A fresh secret of an operator key."""
    return new_secret(ids, PREFIX)


async def create_key(
    tx: Tx, name: str, scopes: Sequence[Scope], secret: str, key_id: str = ""
) -> OperatorKey:
    """Create a key; `secret` and `key_id` are drawn beforehand, so that running again is harmless.

    Raises `BadParam` and `MissingParam` for a name or scopes that will not do.
    """
    chosen = tuple(scope for scope in SCOPES if scope in scopes)
    if not chosen or set(chosen) != set(scopes):
        raise BadParam("scopes", f"must be some of {', '.join(SCOPES)}")
    key = OperatorKey(
        id=key_id or tx.ids.new("opkey", 0, tx.now),
        name=require_name(name),
        scopes=chosen,
        created_at=tx.now,
    )
    if await store.insert_key(tx, key):
        await store.insert_secret(tx, key.id, digest(secret))
    return key


async def rotate_key(tx: Tx, key_id: str, overlap_seconds: int, secret: str) -> None:
    """Give a key a new secret; the one it had works on for `overlap_seconds` (0: not at all).

    At most two are live: one that was already running out ends at once. Raises `NotFound`.
    """
    if not await store.lock_key(tx, key_id):
        raise _no_such_key()
    if not await store.has_current_secret(tx, key_id, digest(secret)):
        await store.retire_secrets(tx, key_id, tx.now + overlap_seconds * 1_000_000)
        await store.insert_secret(tx, key_id, digest(secret))


async def disable_key(tx: Tx, key_id: str) -> None:
    """Shut a key out at once and for good. Raises `NotFound`."""
    if not await store.lock_key(tx, key_id):
        raise _no_such_key()
    await store.mark_disabled(tx, key_id)


async def read_key(tx: ReadTx, key_id: str) -> OperatorKey:
    """The key with this id; `NotFound`."""
    found = await store.list_keys(tx, key_id)
    if not found:
        raise _no_such_key()
    return found[0]


async def find_operator(tx: ReadTx, secret: str) -> Operator:
    """Who shows this secret, in one query when it has the form of one.

    Raises `Unauthorized`, alike for what is no secret, an unknown or expired one and a disabled
    key's.
    """
    operator = None
    if _SECRET.fullmatch(secret) and is_intact(secret):
        operator = await store.find_operator(tx, digest(secret))
    if operator is None:
        raise Unauthorized("unauthorized.bad_operator_key", "Bad operator key")
    return operator


def is_use_noted(operator: Operator, now: int) -> bool:
    """Whether the key was used so lately that it need not be noted again."""
    noted = operator.last_used_at
    return noted is not None and now - noted < USE_NOTED_SECONDS * 1_000_000


async def mark_used(tx: Tx, operator: Operator) -> None:
    """Note that the secret that an operator showed was used now."""
    await store.mark_used(tx, operator.digest)


def _no_such_key() -> NotFound:
    return NotFound("operator_key", "There is no such operator key")
