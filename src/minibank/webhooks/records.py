"""Webhooks and deliveries as they are stored."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from minibank.webhooks.signing import Signing
from minibank.webhooks.urls import place_of, target_of

STREAM = "stream:"
"""The address of what is kept for a client that comes and asks: nobody is called."""

DeliveryState = Literal["pending", "delivered", "failed", "cancelled"]
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)

PARKED = 2**62
"""When a delivery is due that waits for those before it: whoever ends the last says when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a client is told of an account; instants are microseconds.

    The address is a secret: how a webhook prints shows its scheme and host alone. `policy` names
    how attempts are spaced; empty is the bank's default. `disabled_at` is when the bank gave up.
    A `fifo` webhook is told of nothing before all that came before has ended.
    """

    shard: int
    id: str
    account_id: str
    client_id: str
    user_id: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    created_at: int
    policy: str = ""
    signing: Signing = "hmac"
    secret_version: int = 1
    fifo: bool = False
    disabled_at: int | None = None
    place: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", place_of(self.url))

    @property
    def target(self) -> int:
        """What stands for the receiver: see `target_of`."""
        return target_of(self.client_id, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event that one webhook is to be told of, before it has its number there."""

    shard: int
    webhook_id: str
    id: str
    account_id: str
    event: str
    subject: str
    payload: bytes = field(repr=False)
    target: int
    state: DeliveryState = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whom to tell of what happens on an account; `options` are its client's, as JSON.

    What `is_sent` to nobody is numbered and kept all the same.
    """

    shard: int
    id: str
    client_id: str
    events: frozenset[str]
    next_sequence: int
    target: int
    is_sent: bool
    options: str
