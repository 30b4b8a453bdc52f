"""What a run measures, and for how long."""

from dataclasses import dataclass
from pathlib import Path

ENGINES = ("sqlite", "postgres")

PARTS = ("requests", "bulk", "deliveries", "starts")
"""What a run consists of."""

SMALL_HISTORY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run; the fields' defaults are those of a full one.

    `seconds` is how long each thing is measured in each round, `warm_up` whether once more before.
    `connections` are those of a client to the bank, and of pgbench to the database;
    `bulk_connections` those of who sends many commands at once. `pages` is how
    many transactions a reader has, `history` the sizes of the accounts with a long history. An
    outbox tells each of its `webhooks` of `told` events, and of `lone` more one at a time.
    """

    parts: tuple[str, ...] = PARTS
    rounds: int = 5
    seconds: int = 4
    warm_up: bool = True
    connections: int = 32
    threads: int = 2
    workers: int = 1
    engines: tuple[str, ...] = ENGINES
    expanded: bool = False
    bulk_connections: int = 2
    payers: int = 1000
    readers: int = 20
    pages: int = 200
    starts: int = 5
    floods: int = 3
    history_rounds: int = 3
    history: tuple[int, ...] = (SMALL_HISTORY, 1_000_000)
    webhooks: int = 200
    told: int = 16
    lone: int = 150
    delivery_rounds: int = 3
    parent: Path | None = None


def workers_of(plan: Plan, engine: str) -> int:
    """How many server processes the bank gets: a SQLite bank is always served by one."""
    return plan.workers if engine == "postgres" else 1
