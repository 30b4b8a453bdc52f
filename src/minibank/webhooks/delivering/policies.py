"""When a delivery that failed is tried again, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from minibank.settings import Settings

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

RETRY_AFTER_MAX = DAY
"""The longest that a receiver may put an attempt off, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How attempts are spaced, and when the bank gives a webhook up.

    `delays` are the seconds between an attempt and the next, so there is one attempt more than
    delays; each is drawn within `jitter_percent` of what it says. After attempts that failed for
    `disables_after` seconds on end a webhook is disabled; 0 is never. `gone_disables` says whether
    a receiver's 410 does so at once: under any policy it ends the delivery.
    """

    delays: tuple[int, ...]
    jitter_percent: int = 20
    disables_after: int = 0
    gone_disables: bool = False

    @property
    def attempts_max(self) -> int:
        """How often a delivery is tried, the first time included."""
        return len(self.delays) + 1

    def delay_after(self, attempts: int, draw: float) -> float | None:
        """Seconds from the last of so many attempts to the next; None when it was the last.

        `draw` is a fresh random number from 0 up to 1.
        """
        if attempts > len(self.delays):
            return None
        share = self.jitter_percent / 100
        return self.delays[attempts - 1] * (1 - share + 2 * share * draw)


MONDO5 = RetryPolicy(delays=(10, MINUTE, 6 * MINUTE, 36 * MINUTE))
"""Five attempts in all, further and further apart; never disables. The documented API's own."""

STANDARD = RetryPolicy(
    delays=(
        *(5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR),
        *(10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
    ),
    disables_after=5 * DAY,
    gone_disables=True,
)
"""The schedule that the Standard Webhooks specification recommends: ten attempts in three days."""

STRIPE72H = RetryPolicy(
    delays=(
        *(MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
        *(8 * HOUR, 12 * HOUR, 20 * HOUR, 24 * HOUR),
    ),
    disables_after=3 * DAY,
    gone_disables=True,
)
"""Attempts for three days with growing pauses, as large payment APIs make them."""

POLICIES: Mapping[str, RetryPolicy] = {
    "mondo5": MONDO5,
    "standard": STANDARD,
    "stripe72h": STRIPE72H,
}
"""The policies that every bank has, by name."""

CUSTOM = "custom"
"""The name of the one that an operator makes."""

POLICY_NAMES = (*POLICIES, CUSTOM)
"""What a webhook may name."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a bank: those of all banks, and its own `custom` one if it has one."""

    default: str = "mondo5"
    custom: RetryPolicy | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Policies":
        """As an operator wants them."""
        return cls(
            default=settings.webhook_retry_policy,
            custom=RetryPolicy(
                delays=tuple(map(int, settings.webhook_retry_delays)),
                disables_after=settings.webhook_disable_after_seconds,
            ),
        )

    def named(self, name: str) -> RetryPolicy:
        """The policy that a webhook names; the bank's default for an empty or forgotten name."""
        return self._find(name) or self._find(self.default) or MONDO5

    def _find(self, name: str) -> RetryPolicy | None:
        return self.custom if name == CUSTOM else POLICIES.get(name)
