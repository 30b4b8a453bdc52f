"""Record attempts, and decide what each means: delivered, to be tried again, or over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from minibank.core.clock import MICROSECONDS
from minibank.db import Tx
from minibank.webhooks.delivering import store
from minibank.webhooks.delivering.policies import RETRY_AFTER_MAX, Policies, RetryPolicy
from minibank.webhooks.delivering.records import GONE, Attempt, Attempted
from minibank.webhooks.delivering.store import Health, Standing
from minibank.webhooks.giving_up import plan_notice

_NOT_TAKEN = ("pending", "failed")
"""States of a delivery that a late answer of its receiver still changes."""


@dataclass(slots=True)
class Recorded:
    """What a batch of attempts came to: how many deliveries ended well and badly, and which
    webhooks (by id, with the reason) the bank gave up."""

    delivered: int = 0
    failed: int = 0
    disabled: list[tuple[str, str]] = field(default_factory=list)


async def record(
    tx: Tx, made: Sequence[Attempted], policies: Policies, draw: Callable[[], float]
) -> Recorded:
    """Store what became of claims, in their order.

    An attempt counts whoever has the delivery by now, and what was delivered is delivered, though
    another's last attempt failed meanwhile; but when to try again is for the process whose claim it
    still is. `draw` gives numbers from 0 up to 1.
    """
    recorded = Recorded()
    # Before deliveries, as everybody who changes both: else two could wait for each other.
    await _record_health(tx, made, policies, recorded)
    standings = await store.lock_claimed(tx, sorted({one.claim.key for one in made}))
    attempts = []
    ended: set[tuple[int, str]] = set()
    for one in made:
        before = standings.get(one.claim.key)
        if before is None:
            continue
        after = _after(tx.now, one, before, policies.named(one.claim.policy), draw)
        if one.attempt is not None:
            # What a receiver answers may repeat what it was told, and that was erased meanwhile.
            is_kept = one.claim.retold == before.retold
            attempt = one.attempt if is_kept else one.attempt.forgotten()
            attempts.append((after.attempts, Attempted(one.claim, attempt)))
        if before.state != after.state:
            recorded.delivered += after.state == "delivered"
            recorded.failed += after.state == "failed"
        standings[one.claim.key] = after
        if one.claim.fifo and after.state != "pending":
            ended.add((one.claim.shard, one.claim.webhook_id))
    await store.insert_attempts(tx, attempts)
    await store.update_standings(tx, sorted(standings.items()))
    if ended:
        await store.release_next(tx, sorted(ended))
    return recorded


def _after(
    now: int, made: Attempted, before: Standing, policy: RetryPolicy, draw: Callable[[], float]
) -> Standing:
    """Where a delivery stands after an attempt, or after a claim that is given back without."""
    is_ours = before.state == "pending" and before.claimed_until == made.claim.claimed_until
    if made.attempt is None:
        return structs.replace(before, claimed_until=0) if is_ours else before
    counted = structs.replace(before, attempts=before.attempts + 1)
    if before.state in _NOT_TAKEN and made.attempt.succeeded:
        return structs.replace(counted, state="delivered", finished_at=now)
    if not is_ours:
        return counted
    series = counted.attempts - made.claim.attempts_before
    next_at = _next_attempt_at(now, series, made.attempt, policy, draw())
    if next_at is None:
        return structs.replace(counted, state="failed", finished_at=now)
    return structs.replace(counted, next_attempt_at=next_at, claimed_until=0)


def _next_attempt_at(
    now: int, attempts: int, attempt: Attempt, policy: RetryPolicy, draw: float
) -> int | None:
    """When to try again, not before the receiver wants it; None when that was the last attempt."""
    delay = policy.delay_after(attempts, draw)
    if delay is None or attempt.status == GONE:
        return None
    wanted = min(attempt.retry_after or 0, RETRY_AFTER_MAX)
    return now + round(max(delay, wanted) * MICROSECONDS)


async def _record_health(
    tx: Tx, made: Sequence[Attempted], policies: Policies, recorded: Recorded
) -> None:
    """Keep since when each webhook's attempts fail, and disable one when its policy says so."""
    told: dict[tuple[int, str], list[Attempted]] = {}
    for one in made:
        if one.attempt is not None:
            told.setdefault((one.claim.shard, one.claim.webhook_id), []).append(one)
    well = [key for key, attempted in told.items() if _all_went_well(attempted)]
    if well:
        await store.clear_failures(tx, sorted(well))
    for key in well:
        del told[key]
    if not told:
        return
    news = []
    for (shard, webhook_id), before in (await store.lock_webhooks(tx, sorted(told))).items():
        attempted = told[shard, webhook_id]
        after, reason = _health(before, attempted, policies.named(attempted[0].claim.policy))
        news.append((shard, webhook_id, after))
        if reason:
            recorded.disabled.append((webhook_id, reason))
            await plan_notice(tx, shard, webhook_id)
    await store.update_health(tx, news)


def _all_went_well(made: Sequence[Attempted]) -> bool:
    return all(one.attempt is not None and one.attempt.succeeded for one in made)


def _health(before: Health, made: Sequence[Attempted], policy: RetryPolicy) -> tuple[Health, str]:
    """A webhook's health after attempts, and why it is disabled now; empty when it is not."""
    attempts = sorted(
        (one.attempt for one in made if one.attempt), key=lambda one: one.attempted_at
    )
    since, at = before.failing_since, attempts[-1].attempted_at
    for attempt in attempts:
        if attempt.succeeded:
            since = None
        elif since is None:
            since = attempt.attempted_at
    after = replace(before, failing_since=since)
    if before.disabled_at is not None:
        return after, ""
    if policy.gone_disables and any(one.status == GONE for one in attempts):
        return replace(after, disabled_at=at), "the receiver says that it is gone"
    has_failed_for = 0 if since is None else at - since
    if policy.disables_after and has_failed_for >= policy.disables_after * MICROSECONDS:
        return replace(after, disabled_at=at), "its attempts have failed for too long"
    return after, ""
