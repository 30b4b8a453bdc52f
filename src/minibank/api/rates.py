"""Token buckets: how often somebody may ask, decided in constant time and a bounded memory.

A bucket holds `quota` tokens and fills evenly, in a window from empty to full; a request takes one.
Stored is only when it will be full again (the generic cell rate algorithm, which decides alike and
needs one number): a full bucket and one that nobody knows are the same.
"""

from collections import OrderedDict

from msgspec import Struct

SECOND = 1_000_000_000
"""Levels are integer nanoseconds: sums of fractions would drift."""


class Policy(Struct, frozen=True):
    """How many requests in how many seconds, and the name that clients read for it."""

    name: str
    quota: int
    window_seconds: int = 60

    @property
    def item(self) -> str:
        """The policy as a member of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.quota};w={self.window_seconds}'


class Standing(Struct, frozen=True):
    """Where somebody stands after a request; `retry_seconds` is 0 when it was let through.

    `remaining` is how many more may come at once, `reset_seconds` when the bucket is full again.
    """

    policy: Policy
    remaining: int
    reset_seconds: int
    retry_seconds: int

    @property
    def item(self) -> str:
        """The standing as a member of `RateLimit`."""
        return f'"{self.policy.name}";r={self.remaining};t={self.reset_seconds}'


class Buckets:
    """The buckets of one policy; of more than `subjects_max` the longest unused are forgotten."""

    def __init__(self, policy: Policy, subjects_max: int) -> None:
        self.policy = policy
        self._subjects_max = subjects_max
        self._window = policy.window_seconds * SECOND
        self._interval = self._window // policy.quota
        self._full_at: OrderedDict[str, int] = OrderedDict()

    @property
    def size(self) -> int:
        """How many subjects are remembered."""
        return len(self._full_at)

    def take(self, subject: str, seconds: float) -> Standing:
        """Take a token at this time of a clock that never goes back; a refusal takes nothing."""
        now = round(seconds * SECOND)
        full_at = max(self._full_at.get(subject, now), now)
        wait = full_at + self._interval - self._window - now
        if wait <= 0:
            full_at += self._interval
            self._keep(subject, full_at)
        return self._standing(full_at - now, max(wait, 0))

    def charge(self, subject: str, seconds: float) -> Standing:
        """Count a request that was let through already: take a token if there is one."""
        standing = self.take(subject, seconds)
        return Standing(self.policy, standing.remaining, standing.reset_seconds, retry_seconds=0)

    def _keep(self, subject: str, full_at: int) -> None:
        self._full_at[subject] = full_at
        self._full_at.move_to_end(subject)
        if len(self._full_at) > self._subjects_max:
            self._full_at.popitem(last=False)

    def _standing(self, missing: int, wait: int) -> Standing:
        return Standing(
            self.policy,
            remaining=max(0, (self._window - missing) // self._interval),
            reset_seconds=_ceiling(missing),
            retry_seconds=_ceiling(wait),
        )


def _ceiling(nanoseconds: int) -> int:
    return -(-nanoseconds // SECOND)
