"""Erase a person and keep the books.

It is due work: the first unit of work checks, ends every sign-in, closes the accounts and plans the
rest; each later one does a bounded part, until the last takes the name and the address. Whoever
does them, a command or the worker, each begins by holding the person's row, so that two never do
the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from minibank.accounts.erasing import (
    Held,
    hold_accounts,
    list_former,
    take_off,
    take_off_former,
)
from minibank.accounts.store import find_account
from minibank.attachments import erasing as attachments
from minibank.core.errors import Conflict, NotFound
from minibank.core.ids import shard_of
from minibank.core.pages import START, Position
from minibank.db import ReadTx, Tx
from minibank.due.planning import plan
from minibank.due.store import Planned
from minibank.feed.erasing import erase_feed, erase_traces
from minibank.identity.erasing import (
    ERASURE,
    begin_erasing,
    find_leaving,
    finish_erasing,
    lock_leaving,
)
from minibank.identity.store import Leaving
from minibank.oauth.erasing import end_sign_ins, forget_tokens
from minibank.payments.commands import Outcome
from minibank.payments.store import keys_of, list_transfers
from minibank.pots.erasing import erase_pots
from minibank.privacy import store
from minibank.privacy.store import Part
from minibank.receipts.erasing import erase_receipts
from minibank.transactions.attaching import count_fewer
from minibank.transactions.erasing import OtherSide, blank_history, rename_other_sides
from minibank.webhooks import erasing as webhooks
from minibank.webhooks.erasing import Retold

BATCH = 500
"""How many rows one unit of work looks at."""
FILES_BATCH = 50
"""How many attachments or uploads: each takes a few statements."""

TOKENS = "1_tokens"
OTHER_SIDES = "2_other_sides"
HISTORY = "3_history"
FEED = "4_feed"
WEBHOOKS = "5_webhooks"
OWN_FEED = "6_own_feed"
OWN_WEBHOOKS = "7_own_webhooks"
RECEIPTS = "8_receipts"
ATTACHMENTS = "91_attachments"
OWN_ATTACHMENTS = "92_own_attachments"
UPLOADS = "93_uploads"
"""The parts, in the order in which they are done: their names sort so."""

OF_SHARED = (OWN_FEED, OWN_WEBHOOKS, OWN_ATTACHMENTS)
"""What goes of an account that others have as well."""


@dataclass(frozen=True, slots=True)
class Estate:
    """A person's accounts, held, and what stands in the way of erasing the person."""

    accounts: Sequence[Held]
    staying: frozenset[str]
    obstacles: tuple[str, ...]

    def is_shared(self, held: Held, user_id: str) -> bool:
        """Whether an account has another owner who stays."""
        return not self.staying.isdisjoint(held.owners_beside(user_id))


async def look_over(tx: Tx, user_id: str) -> Estate:
    """A person's accounts, which are held from now on, and what stands in the way."""
    accounts = await hold_accounts(tx, user_id)
    others = [one for held in accounts for one in held.owners_beside(user_id)]
    staying = frozenset(await store.list_staying(tx, others))
    keys = keys_of([held.account.id for held in accounts])
    unfinished = await store.count_open_authorisations(tx, keys)
    estate = Estate(accounts, staying, ())
    obstacles = [
        obstacle
        for held in accounts
        for obstacle in _obstacles(
            held,
            payments=unfinished.get(held.account.id, 0),
            is_shared=estate.is_shared(held, user_id),
        )
    ]
    return Estate(accounts, staying, tuple(obstacles))


def _obstacles(held: Held, *, payments: int, is_shared: bool) -> list[str]:
    """What of an account stands in the way of erasing its owner."""
    account = held.account
    found = []
    if held.booked or held.held:
        found.append(f"{account.id} holds money or owes some")
    if held.in_pots:
        found.append(f"{account.id} holds money in its pots")
    if payments:
        found.append(f"{account.id} has card payments that are not over ({payments})")
    if account.state == "frozen":
        found.append(f"{account.id} is frozen")
    if is_shared and account.state != "closed":
        found.append(f"{account.id} has another owner, and is not closed")
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What an erasure of this person would do, and what stands in its way.

    `counts` says how much there is that would go, by kind of row.
    """

    leaving: Leaving
    estate: Estate
    counts: Mapping[str, int]

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What stands in the way; nothing once it has begun."""
        return self.estate.obstacles if self.leaving.began_at is None else ()


async def preview_erasure(tx: Tx, who: str) -> Preview:
    """What erasing the person with this id or address would do; `NotFound` when there is none."""
    leaving = await find_leaving(tx, who)
    if leaving is None:
        raise NotFound("user", f"there is no user {who}")
    user_id = leaving.user.id
    estate = await look_over(tx, user_id)
    own = [one.account.id for one in estate.accounts if not estate.is_shared(one, user_id)]
    counts = await store.count_rows(tx, user_id, keys_of(own))
    return Preview(leaving, estate, {"accounts": len(estate.accounts), **counts})


async def begin_erasure(tx: Tx, user_id: str) -> bool:
    """Begin to erase a person; False when that has begun already.

    From now on nobody finds them, they cannot sign in, and their accounts are closed. Raises
    `NotFound`, and `Conflict` with all that stands in the way.
    """
    leaving = await lock_leaving(tx, user_id)
    if leaving is None:
        raise NotFound("user", "There is no such user")
    if leaving.began_at is not None:
        return False
    estate = await look_over(tx, user_id)
    if estate.obstacles:
        raise Conflict("conflict.person_has_business", "; ".join(estate.obstacles))
    await begin_erasing(tx, user_id)
    await end_sign_ins(tx, user_id)
    parts = [Part(TOKENS, ""), Part(RECEIPTS, ""), Part(UPLOADS, "")]
    for held in estate.accounts:
        await take_off(tx, held, user_id)
        parts.append(Part(OTHER_SIDES, held.account.id))
        # What stands on a closed joint account is the other owner's too, until they go.
        is_shared = estate.is_shared(held, user_id)
        kinds = OF_SHARED if is_shared else (HISTORY, FEED, WEBHOOKS, ATTACHMENTS)
        parts += [Part(kind, held.account.id) for kind in kinds]
        if not is_shared:
            await erase_pots(tx, shard_of(held.account.id) or 0, held.account.id)
    for account_id in await list_former(tx, user_id, estate.accounts):
        await take_off_former(tx, account_id, user_id)
        parts += [Part(kind, account_id) for kind in (OTHER_SIDES, *OF_SHARED)]
    await store.insert_parts(tx, user_id, parts)
    await plan(tx, [work_of(user_id, tx.now)])
    return True


def work_of(user_id: str, due_at: int) -> Planned:
    """The due work of a person's erasure."""
    shard = shard_of(user_id)
    assert shard is not None, "the person exists"
    return Planned(shard=shard, kind=ERASURE, subject=user_id, due_at=due_at)


async def go_on_erasing(tx: Tx, user_id: str) -> int | None:
    """Do the next bounded part; when to go on, None when all is done."""
    leaving = await lock_leaving(tx, user_id)
    if leaving is None or leaving.began_at is None:
        return None
    part = await store.find_part(tx, user_id)
    if part is None:
        await finish_erasing(tx, leaving)
        # A drawn shard, because the person's own would narrow down who it was.
        erasure_id = tx.ids.new("erasure", tx.ids.shard(), tx.now)
        await store.insert_erasure(tx, erasure_id, leaving.began_at)
        return None
    position = await _DOERS[part.part](tx, user_id, part)
    if position is None:
        await store.delete_part(tx, user_id, part)
    else:
        await store.move_part(tx, user_id, part, position)
    return tx.now


async def _forget_tokens(tx: Tx, user_id: str, _part: Part) -> str | None:
    return "" if await forget_tokens(tx, user_id, BATCH) else None


async def _erase_receipts(tx: Tx, user_id: str, _part: Part) -> str | None:
    return "" if await erase_receipts(tx, user_id, BATCH) else None


async def _blank_history(tx: Tx, _user_id: str, part: Part) -> str | None:
    after = Position(*msgspec.json.decode(part.position)) if part.position else START
    last = await blank_history(tx, _shard(part), part.account_id, after, BATCH)
    return _json([last.created_at, last.id]) if last else None


async def _rename_other_sides(tx: Tx, user_id: str, part: Part) -> str | None:
    """Take the person off what others see of transfers with this account."""
    after = tuple(msgspec.json.decode(part.position)) if part.position else ("", "")
    found, last = await list_transfers(tx, _shard(part), part.account_id, after, BATCH)
    account = await find_account(tx, part.account_id)
    assert account is not None, "accounts are never deleted"
    # The person's own name is gone already; a shared account keeps the others'.
    name = " & ".join(owner.name for owner in account.owners if owner.name)
    sides = await _other_sides(tx, found, part.account_id)
    is_shared = bool(name)
    renamed = await rename_other_sides(
        tx,
        [
            OtherSide(shard, transaction_id, name, wrote=wrote and not is_shared)
            for shard, transaction_id, wrote in sides
        ],
    )
    await webhooks.retell(
        tx,
        [
            Retold(
                shard=one.shard,
                account_id=one.account_id,
                transaction_id=one.id,
                description=one.description,
                counterparty=one.counterparty,
            )
            for one in renamed
        ],
    )
    return _json(last) if last else None


async def _erase_feed(tx: Tx, _user_id: str, part: Part) -> str | None:
    return "" if await erase_feed(tx, _shard(part), part.account_id, BATCH) else None


async def _erase_traces(tx: Tx, user_id: str, part: Part) -> str | None:
    more = await erase_traces(tx, _shard(part), part.account_id, user_id, BATCH)
    return "" if more else None


async def _end_webhooks(tx: Tx, _user_id: str, part: Part) -> str | None:
    return await _end_own_webhooks(tx, "", part)


async def _end_own_webhooks(tx: Tx, user_id: str, part: Part) -> str | None:
    """End the webhooks, then forget what they were told."""
    shard, account_id = _shard(part), part.account_id
    if not part.position:
        more = await webhooks.end_webhooks(tx, shard, account_id, user_id, BATCH)
        return "" if more else _json(webhooks.START)
    webhook_id, number = msgspec.json.decode(part.position, type=tuple[str, int])
    account, after = (shard, account_id), (webhook_id, number)
    last = await webhooks.forget_told(tx, account, user_id, after, BATCH)
    return _json(last) if last else None


async def _erase_attachments(tx: Tx, _user_id: str, part: Part) -> str | None:
    return await _erase_own_attachments(tx, "", part)


async def _erase_own_attachments(tx: Tx, user_id: str, part: Part) -> str | None:
    """Take attachments off; the transactions count first, as whoever attaches does."""
    shard = _shard(part)
    found = await attachments.list_erasable(tx, shard, part.account_id, user_id, FILES_BATCH)
    await count_fewer(tx, shard, [transaction_id for _, transaction_id, _ in found])
    for one in found:
        await attachments.erase_attachment(tx, shard, one)
    return "" if len(found) == FILES_BATCH else None


async def _erase_uploads(tx: Tx, user_id: str, _part: Part) -> str | None:
    return "" if await attachments.erase_uploads(tx, user_id, FILES_BATCH) else None


async def _other_sides(
    tx: ReadTx, transfers: Sequence[Outcome], account_id: str
) -> list[tuple[int, str, bool]]:
    """The transactions on other accounts, and whether this account sent the money."""
    sent = {one.transaction_id for one in transfers if one.transaction_id}
    arrived = {one.payee_transaction_id for one in transfers if one.payee_transaction_id}
    rows = await store.list_places_of(tx, keys_of(sent | arrived))
    # What the money arrived as is somebody else's when this account sent it.
    return [
        (row["shard"], row["id"], row["id"] in arrived)
        for row in rows
        if row["account_id"] != account_id
    ]


def _shard(part: Part) -> int:
    shard = shard_of(part.account_id)
    assert shard is not None, "an account's id says where it lives"
    return shard


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_DOERS = {
    TOKENS: _forget_tokens,
    OTHER_SIDES: _rename_other_sides,
    HISTORY: _blank_history,
    FEED: _erase_feed,
    WEBHOOKS: _end_webhooks,
    OWN_FEED: _erase_traces,
    OWN_WEBHOOKS: _end_own_webhooks,
    RECEIPTS: _erase_receipts,
    ATTACHMENTS: _erase_attachments,
    OWN_ATTACHMENTS: _erase_own_attachments,
    UPLOADS: _erase_uploads,
}
