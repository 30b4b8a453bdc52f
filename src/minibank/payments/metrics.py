"""What the money engine counts."""

from dataclasses import dataclass

from minibank.metrics.instruments import Alert, Counter, Gauge, Histogram, instrument
from minibank.payments.commands import COMMAND_NAMES

OUTCOMES = ("done", "declined", "refused", "conflict", "failed")

QUEUE_FULL, LATE, SHUTTING_DOWN = "queue_full", "late", "shutting_down"
CAUSES = (QUEUE_FULL, LATE, SHUTTING_DOWN)


@dataclass(frozen=True)
class EngineMetrics:
    """The instruments of one engine."""

    commands: Counter = instrument(
        Counter,
        "minibank_engine_commands_total",
        "Commands that were begun, by what came of them: `refused` for a rule of the bank,"
        " `conflict` for an id that was used for something else, `failed` for a fault or a"
        " database that was away.",
        ("command", "outcome"),
        known=(tuple(COMMAND_NAMES.values()), OUTCOMES),
        alerts=[
            Alert(
                "MinibankCommandsFail",
                "sum by (instance)"
                ' (rate(minibank_engine_commands_total{outcome="failed"}[5m])) > 0',
                "Movements of money fail for a reason that is not the customer's.",
                severity="page",
            )
        ],
    )
    turned_away: Counter = instrument(
        Counter,
        "minibank_engine_turned_away_total",
        "Commands that were not begun: the queue was full, they had waited for longer than"
        " `queue_wait_seconds` (late), or the bank was stopping.",
        ("cause",),
        known=(CAUSES,),
        alerts=[
            Alert(
                "MinibankCommandsTurnedAway",
                "sum by (instance)"
                ' (rate(minibank_engine_turned_away_total{cause=~"queue_full|late"}[5m])) > 0',
                "More payments arrive than the database commits: look at"
                " minibank_engine_batch_seconds and at the database.",
                severity="page",
            )
        ],
    )
    queue_length: Gauge = instrument(
        Gauge,
        "minibank_engine_queue_length",
        "Commands that wait for their batch.",
        alerts=[
            Alert(
                "MinibankQueueGrows",
                "minibank_engine_queue_length > 1000",
                "Payments wait: soon they are late and turned away.",
                minutes=2,
            )
        ],
    )
    batch_size: Histogram = instrument(
        Histogram,
        "minibank_engine_batch_size",
        "Commands in one batch, which is one commit.",
        buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    )
    batch_seconds: Histogram = instrument(
        Histogram,
        "minibank_engine_batch_seconds",
        "How long a batch takes, from its first statement to its commit, repeats included.",
        alerts=[
            Alert(
                "MinibankBatchesSlow",
                "histogram_quantile(0.99, sum by (instance, le)"
                " (rate(minibank_engine_batch_seconds_bucket[5m]))) > 1",
                "One batch in a hundred takes more than a second: the database or its disk is"
                " slow, or something holds the rows of an account.",
            )
        ],
    )
    commits: Counter = instrument(
        Counter,
        "minibank_engine_commits_total",
        "Batches that were committed.",
    )
