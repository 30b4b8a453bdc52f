"""How an audit goes about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from minibank.audit.findings import AuditReport, Mark
from minibank.audit.marks.marks import UNSEALED, Seal

SETS_PER_SNAPSHOT = 20_000
ACCOUNTS_PER_SNAPSHOT = 100


def always(_shard: int, _proved_at: int) -> bool:
    """Every account from its first entry set."""
    return True


def never(_shard: int, _proved_at: int) -> bool:
    """Every account from its mark, if it has one."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How an audit goes about it: by default from the beginning, and leaving no marks.

    `starts_over` says, of an account's shard and of when it was last verified from its beginning,
    whether that is to be done again. `before` is where accounts ended at a checkpoint.
    """

    starts_over: Callable[[int, int], bool] = always
    before: Mapping[str, Mark] = field(default_factory=dict)
    seal: Seal = UNSEALED
    leaves_marks: bool = False
    replaces_marks: bool = False
    """Whether accounts whose books prove, though not their marks, get new marks all the same."""
    collects_marks: bool = True
    """Whether the report is to hold where all accounts ended."""
    sets_max: int = SETS_PER_SNAPSHOT
    accounts_max: int = ACCOUNTS_PER_SNAPSHOT
    """What one snapshot covers, except that one account is never divided."""
    after_each: Callable[[AuditReport], Awaitable[None]] | None = None
    """Awaited after each snapshot with what it found; may take its time."""


PROVE = Plan()
