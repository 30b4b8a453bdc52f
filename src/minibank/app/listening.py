"""Webhooks that lead to a process on this machine and are gone when it ends.

Their address has a mark and a key that only that process knows. One that was killed leaves its
webhooks behind: the next one finds them by the mark, asks whether somebody with their key is still
there, and removes them if not.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from minibank.accounts.records import Account
from minibank.core.clock import MICROSECONDS, Clock
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.db import Database
from minibank.webhooks.history.store import has_waited, list_registered_at
from minibank.webhooks.records import Webhook
from minibank.webhooks.registering import register_webhook, remove_webhook

HOST = "127.0.0.1"
MARK = "/minibank-listen/"
KEY_BYTES = 16
LEFT_MAX = 1000
"""How many webhooks that were left behind are removed at one start."""
PROBE_SECONDS = 2.0
WAIT_SECONDS = 5.0
"""What is due for so long, and has been claimed by nobody, is sent by nobody."""

_ADDRESS = re.compile(rf"http://127\.0\.0\.1:(\d{{1,5}}){MARK}([0-9a-f]{{{2 * KEY_BYTES}}})/\w+")


@dataclass(frozen=True, slots=True)
class Ear:
    """Where a process listens, and the key that its addresses have."""

    port: int
    key: str = field(repr=False)

    def url(self, account_id: str) -> str:
        """The address for what happens on an account."""
        return f"http://{HOST}:{self.port}{MARK}{self.key}/{account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A delivery that came, and what it was answered.

    `status` is what the bank was answered. `fault` says in a word why that is not the answer of the
    address that it was handed on to; it is empty when it is, or when there is no such address.
    """

    account_id: str
    delivery_id: str
    sequence: str
    body: bytes = field(repr=False)
    status: int
    fault: str
    microseconds: int


def ear_of(url: str) -> Ear | None:
    """Where a webhook's address leads, if it is one of these."""
    found = _ADDRESS.fullmatch(url)
    return Ear(int(found[1]), found[2]) if found else None


async def register(
    db: Database,
    ear: Ear,
    account: Account,
    client_id: str,
    events: tuple[str, ...],
    webhooks_max: int,
) -> Webhook:
    """Tell a process of an account, as this client and for the account's first owner.

    Raises `BadRequest` when the client has as many webhooks there as it may.
    """
    shard = shard_of(account.id)
    assert shard is not None, "an account that exists has a shard"
    webhook = Webhook(
        shard=shard,
        # Drawn here, so that a unit of work that runs again finds its own webhook.
        id=db.ids.new("webhook", shard, db.clock.now()),
        account_id=account.id,
        client_id=client_id,
        user_id=account.owners[0].user_id,
        url=ear.url(account.id),
        events=events,
        created_at=db.clock.now(),
    )
    await db.transact(lambda tx: register_webhook(tx, webhook, webhooks_max))
    return webhook


async def remove(db: Database, webhooks: Sequence[Webhook]) -> None:
    """Remove webhooks, each in a unit of work of its own; one that went meanwhile is no matter."""
    for webhook in webhooks:
        with suppress(NotFound):
            await db.transact(lambda tx: remove_webhook(tx, webhook))  # noqa: B023 - run at once


async def remove_left(db: Database) -> int:
    """Remove what processes left behind that ended without a chance to; how many that were."""
    pattern = f"http://{HOST}:%{MARK}%"
    found = await db.read(lambda tx: list_registered_at(tx, pattern, LEFT_MAX))
    marked = [(one.webhook, ear_of(one.webhook.url)) for one in found]
    ears = {ear for _, ear in marked if ear is not None}
    gone = {ear for ear in ears if not await _is_there(ear)}
    left = [webhook for webhook, ear in marked if ear in gone]
    await remove(db, left)
    return len(left)


async def _is_there(ear: Ear) -> bool:
    """Whether the process with this key still listens; one that is slow to answer does."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, ear.port)
            try:
                head = f"GET {MARK}{ear.key} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode())
                line = await reader.readline()
            finally:
                writer.transport.abort()
    except TimeoutError:
        return True
    except (OSError, ValueError):
        return False
    return line.split(b" ")[1:2] == [b"200"]


async def is_sent_by_nobody(db: Database, webhooks: Sequence[Webhook], clock: Clock) -> bool:
    """Whether something for these webhooks has waited for `WAIT_SECONDS`; `clock` is real time."""
    due_before = db.clock.now() - round(WAIT_SECONDS * MICROSECONDS)
    return await db.read(lambda tx: has_waited(tx, webhooks, due_before, clock.now()))
