"""Plan the removal of what will end, where it is written."""

from collections.abc import Sequence

from minibank.db import Tx
from minibank.due.planning import plan
from minibank.due.store import Planned
from minibank.oauth import store
from minibank.oauth.records import FormerToken, PairValues
from minibank.oauth.tokens import MICROSECONDS, TokenRules

FORMER_TOKENS = "former_tokens"
TOKEN_PAIRS = "token_pairs"  # noqa: S105 # no secret
PASSWORD_FAILURES = "password_failures"  # noqa: S105 # no secret
CLIENT_SECRETS = "client_secrets"
SWEEPS = (FORMER_TOKENS, TOKEN_PAIRS, PASSWORD_FAILURES)
"""The kinds of due work that are one for a whole shard."""

EVERYWHERE = 0
"""The shard of work on rows that have none."""
LOOK_AGAIN_SECONDS = 30 * 86_400
"""When pairs without an end are looked at again: an operator may have given them one."""


async def remember(
    tx: Tx,
    shard: int,
    former: Sequence[FormerToken],
    rules: TokenRules,
    issued: PairValues | None = None,
) -> None:
    """Remember tokens that ended, and plan when they and the pair that was issued are forgotten."""
    works = []
    if former:
        keep_until = rules.keep_until(tx.now)
        await store.insert_former_tokens(tx, shard, former, keep_until)
        works.append(_sweep(shard, FORMER_TOKENS, keep_until))
    if issued is not None:
        works.append(_sweep(shard, TOKEN_PAIRS, _forgotten_at(issued, rules)))
    await plan(tx, works)


def _sweep(shard: int, kind: str, due_at: int) -> Planned:
    return Planned(shard=shard, kind=kind, subject=kind, due_at=due_at)


def _forgotten_at(pair: PairValues, rules: TokenRules) -> int:
    if pair.refresh_digest is None:
        return rules.keep_until(pair.access_expires_at)
    if not rules.refresh_token_seconds:
        return pair.issued_at + LOOK_AGAIN_SECONDS * MICROSECONDS
    refresh_ends_at = pair.issued_at + rules.refresh_token_seconds * MICROSECONDS
    return rules.keep_until(max(pair.access_expires_at, refresh_ends_at))


async def plan_guesses(tx: Tx, shards: Sequence[int], ends_at: int) -> None:
    """Plan the removal of counts in these shards whose window ends then at the latest."""
    await plan(tx, [_sweep(shard, PASSWORD_FAILURES, ends_at) for shard in shards])


async def plan_secrets(tx: Tx, client_id: str, expires_at: int) -> None:
    """Plan the removal of a client's secret that ends then."""
    work = Planned(shard=EVERYWHERE, kind=CLIENT_SECRETS, subject=client_id, due_at=expires_at)
    await plan(tx, [work])
