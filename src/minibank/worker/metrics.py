"""What the worker of due work counts."""

from dataclasses import dataclass

from minibank.metrics.instruments import Alert, Counter, Gauge, instrument


@dataclass(frozen=True)
class DueMetrics:
    """The instruments of one process's due work."""

    done: Counter = instrument(
        Counter, "minibank_due_done_total", "Pieces of due work that were done.", ("kind",)
    )
    put_off: Counter = instrument(
        Counter,
        "minibank_due_put_off_total",
        "Pieces of due work that could not be done and are tried again later.",
        ("kind",),
        alerts=[
            Alert(
                "MinibankDueWorkPutOff",
                "sum by (instance, kind) (increase(minibank_due_put_off_total[30m])) > 0",
                "A piece of due work fails again and again: the log names it.",
                minutes=30,
            )
        ],
    )
    looks: Counter = instrument(
        Counter,
        "minibank_due_looks_total",
        "Looks for due work in one of 16 parts of the shards.",
        alerts=[
            Alert(
                "MinibankDueWorkStopped",
                "increase(minibank_due_looks_total[10m]) == 0",
                "Nobody looks for due work: holds do not expire.",
            )
        ],
    )
    overdue: Gauge = instrument(
        Gauge,
        "minibank_due_overdue",
        "Pieces of work that were due at the last look, done since or not.",
        together="max",
    )
    oldest_seconds: Gauge = instrument(
        Gauge,
        "minibank_due_oldest_seconds",
        "How long ago the oldest piece of due work fell due that is not done; 0 without any."
        " By the bank's clock.",
        together="max",
        alerts=[
            Alert(
                "MinibankDueWorkLate",
                "minibank_due_oldest_seconds > 300",
                "Due work is more than five minutes late.",
            )
        ],
    )
