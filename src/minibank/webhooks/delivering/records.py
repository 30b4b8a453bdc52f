"""What is claimed from the outbox, and what became of an attempt."""

from typing import Literal

import msgspec
from typing_extensions import override

from minibank.webhooks.signing import Secrets

Fault = Literal[
    "",
    "refused_address",
    "dns",
    "connect",
    "connect_timeout",
    "tls",
    "timeout",
    "disconnected",
    "protocol",
    "url",
    "internal",
]
"""What went wrong on the way; empty when an answer came."""

Key = tuple[int, str, int]
"""Which delivery: the shard, the webhook and the number there."""

Headers = tuple[tuple[str, str], ...]

GONE = 410


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process has to itself until `claimed_until` (real time).

    The address and the payload do not print. `attempts` were made before, of which the policy
    does not count `attempts_before`; `failing_since` is the webhook's. `retold` says how often an
    erasure had changed the payload.
    """

    shard: int
    webhook_id: str
    sequence: int
    id: str
    target: int
    event: str
    payload: bytes
    attempts: int
    attempts_before: int
    url: str
    policy: str
    failing_since: int | None
    created_at: int
    secrets: Secrets
    fifo: bool = False
    claimed_until: int
    retold: int = 0

    @override
    def __repr__(self) -> str:
        return f"Claim({self.id})"

    @property
    def is_first(self) -> bool:
        """Whether no attempt was made before."""
        return self.attempts == 0

    @property
    def key(self) -> Key:
        """Which delivery it is."""
        return self.shard, self.webhook_id, self.sequence


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent besides the payload, and what came back; `status` is 0 without an answer.

    `attempted_at` is in the bank's time, `retry_after` in seconds as the receiver asked for.
    """

    attempted_at: int
    microseconds: int = 0
    request_headers: Headers = ()
    status: int = 0
    response_headers: Headers = ()
    excerpt: bytes = b""
    fault: Fault = ""
    retry_after: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any answer of class 2xx."""
        return 200 <= self.status < 300

    @property
    def result(self) -> str:
        """One word for metrics and logs: the class of the status, or what went wrong."""
        return f"{self.status // 100}xx" if self.status else (self.fault or "internal")

    def forgotten(self) -> "Attempt":
        """The attempt without what was sent and what came back: when it was made and its result."""
        return msgspec.structs.replace(self, request_headers=(), response_headers=(), excerpt=b"")


class Attempted(msgspec.Struct, frozen=True):
    """A claim, and the attempt that was made; None when it is given back without one."""

    claim: Claim
    attempt: Attempt | None
