"""Send again what was told, or was not: one delivery, or all since an instant or a number."""

from dataclasses import dataclass

from minibank.core.clock import MICROSECONDS
from minibank.core.errors import NotFound
from minibank.db import Tx
from minibank.webhooks.history import store
from minibank.webhooks.history.store import Told
from minibank.webhooks.records import STREAM, DeliveryState, Webhook
from minibank.webhooks.store import DELIVERIES, lock_account

RESENT_MAX = 1000
"""How many deliveries one request sends again."""
PER_SECOND, PER_SECOND_MAX = 10, 100
"""How many become due in a second, unless somebody says otherwise, and at most."""


def no_such_delivery() -> NotFound:
    """The one answer for another webhook's delivery and for one that does not exist."""
    return NotFound("delivery", "There is no such delivery")


async def resend(tx: Tx, webhook: Webhook, told: Told) -> None:
    """Send a delivery now, as if it had not been tried; one that waits is only hastened."""
    await _enable(tx, webhook)
    await store.send_again(tx, webhook, [(told.sequence, told.attempts, tx.now)])
    tx.wake(DELIVERIES)


@dataclass(frozen=True, slots=True)
class Resent:
    """How many were sent again, and from which number on there is more; None when there is not."""

    count: int
    next: int | None


async def resend_from(
    tx: Tx,
    webhook: Webhook,
    first: int,
    state: DeliveryState | None,
    per_second: int,
    ahead: int = 0,
) -> Resent:
    """Send again what has ended, in one state or any, from a number on: so many in a second.

    They queue behind the `ahead` that were sent again just before. A webhook that the bank gave up
    is told again from now on.
    """
    await _enable(tx, webhook)
    found = await store.lock_ended(tx, webhook, first, RESENT_MAX + 1, state)
    pause = MICROSECONDS // per_second
    due = [
        (sequence, attempts, tx.now + (ahead + place) * pause)
        for place, (sequence, attempts) in enumerate(found[:RESENT_MAX])
    ]
    await store.send_again(tx, webhook, due)
    tx.wake(DELIVERIES)
    return Resent(len(due), found[RESENT_MAX][0] if len(found) > RESENT_MAX else None)


async def _enable(tx: Tx, webhook: Webhook) -> None:
    """Have a webhook be told again from now on; `NotFound` for a stream, which is sent to nobody.

    Under the account's lock, because payments read it; and before deliveries, as everybody who
    changes both, or two could wait for each other.
    """
    if webhook.url == STREAM:
        raise no_such_delivery()
    await lock_account(tx, webhook.shard, webhook.account_id)
    await store.enable(tx, webhook)
