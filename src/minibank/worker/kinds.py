"""What each kind of due work means.

There are three sorts. What moves money is a *command*: its id follows from the row, the engine runs
it and deletes the row with its effect. Everything else is a *chore*: a function of a unit of work
that does a bounded part and says when to come again, or None when there is no more; its row is
locked before it begins, and moved or deleted with its effect. What happens outside of the database
is an *errand*: it is run with no unit of work open, and deletes its row itself when it is done.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from minibank.attachments.retention import UPLOADS, remove_unused
from minibank.db import Database, Tx
from minibank.feed.retention import FEED_ITEMS, FEED_KEYS, sweep_items, sweep_keys
from minibank.identity.erasing import ERASURE
from minibank.oauth.retention.planning import (
    CLIENT_SECRETS,
    FORMER_TOKENS,
    PASSWORD_FAILURES,
    TOKEN_PAIRS,
)
from minibank.oauth.retention.sweeps import (
    sweep_former_tokens,
    sweep_guesses,
    sweep_pairs,
    sweep_secrets,
)
from minibank.oauth.tokens import TokenRules
from minibank.payments.commands import Command, ExpireAuthorisation, ResolveSuspense
from minibank.payments.effects import EXPIRY, SUSPENSE_RETURN
from minibank.privacy.erasure import go_on_erasing
from minibank.webhooks.ending import CLOSED_WEBHOOKS, end_told
from minibank.webhooks.giving_up import WEBHOOK_DISABLED, tell_disabled
from minibank.webhooks.retention.purging import KEPT_SECONDS, WEBHOOK_DELIVERIES, purge
from minibank.worker.store import DueRow

ISSUER = "due_work"

Chore = Callable[[Tx, DueRow], Awaitable[int | None]]
"""Gives the instant (microseconds) at which there is more to do; None when it is over."""

Errand = Callable[[Database, DueRow], Awaitable[None]]
"""May be run twice, by one process after another."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a worker can do. Kinds that newer code wrote are left to newer code."""

    commands: Mapping[str, Callable[[DueRow], Command]]
    chores: Mapping[str, Chore]
    errands: Mapping[str, Errand] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.commands, *self.chores, *self.errands]


def _expire(row: DueRow) -> Command:
    return ExpireAuthorisation(
        issuer=ISSUER,
        account_id=row.account_id,
        id=f"{row.kind}/{row.subject}",
        authorisation_id=row.subject,
    )


def _send_back(row: DueRow) -> Command:
    return ResolveSuspense(
        issuer=ISSUER,
        account_id=row.account_id,
        id=f"{row.kind}/{row.subject}",
        original_transaction_id=row.subject,
    )


def kinds_of(
    rules: TokenRules,
    deliveries_kept_seconds: int = KEPT_SECONDS,
    errands: Mapping[str, Errand] | None = None,
) -> Kinds:
    """All that falls due in a bank with these rules about tokens, and that keeps what webhooks were
    told for so long once it is over; `errands` are those that this process can run."""

    async def purge_deliveries(tx: Tx, row: DueRow) -> int | None:
        return await purge(tx, row.shard, row.subject, deliveries_kept_seconds)

    async def remove_upload(tx: Tx, row: DueRow) -> int | None:
        await remove_unused(tx, row.shard, row.subject)
        return None

    return Kinds(
        commands={EXPIRY: _expire, SUSPENSE_RETURN: _send_back},
        chores={
            FORMER_TOKENS: lambda tx, row: sweep_former_tokens(tx, row.shard),
            TOKEN_PAIRS: lambda tx, row: sweep_pairs(tx, row.shard, rules),
            PASSWORD_FAILURES: lambda tx, row: sweep_guesses(tx, row.shard),
            CLIENT_SECRETS: lambda tx, row: sweep_secrets(tx, row.subject),
            FEED_ITEMS: lambda tx, row: sweep_items(tx, row.shard),
            FEED_KEYS: lambda tx, row: sweep_keys(tx, row.shard),
            UPLOADS: remove_upload,
            WEBHOOK_DELIVERIES: purge_deliveries,
            WEBHOOK_DISABLED: lambda tx, row: tell_disabled(tx, row.shard, row.subject),
            CLOSED_WEBHOOKS: lambda tx, row: end_told(tx, row.shard, row.subject),
            ERASURE: lambda tx, row: go_on_erasing(tx, row.subject),
        },
        errands=errands or {},
    )


STANDARD = kinds_of(TokenRules())
