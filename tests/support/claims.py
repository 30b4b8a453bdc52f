"""A delivery that was claimed, for a sender."""

from minibank.webhooks.delivering.records import Claim
from minibank.webhooks.signing import Secrets, Signing

BODY = b'{"type":"transaction.created","data":{"id":"tx_1"}}'


def claim_of(url: str, signing: Signing = "hmac", versions: tuple[int, ...] = (1,)) -> Claim:
    """A claim whose webhook is at this address."""
    return Claim(
        shard=7,
        webhook_id="webhook_1",
        sequence=42,
        id="delivery_1",
        target=1,
        event="transaction.created",
        payload=BODY,
        attempts=0,
        attempts_before=0,
        url=url,
        policy="",
        failing_since=None,
        created_at=0,
        secrets=Secrets(webhook_id="webhook_1", signing=signing, versions=versions),
        claimed_until=2**60,
    )
