"""Webhooks and deliveries as they are stored."""

from dataclasses import dataclass, field
from typing import Literal

from minibank.webhooks.urls import place_of

DeliveryState = Literal["pending", "delivered", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a client is told of an account; instants are microseconds.

    The address is a secret: how a webhook prints shows its scheme and host alone.
    """

    shard: int
    id: str
    account_id: str
    client_id: str
    user_id: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    created_at: int
    place: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", place_of(self.url))


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
