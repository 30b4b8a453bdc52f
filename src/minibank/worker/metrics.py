"""What the worker of due work counts, and what is known of the audit in the background."""

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


@dataclass(frozen=True)
class AuditMetrics:
    """What the last round of the audit in the background came to; nothing where that is off."""

    findings: Gauge = instrument(
        Gauge,
        "minibank_audit_findings",
        "What the last finished round of the audit in the background could not prove.",
        together="max",
        alerts=[
            Alert(
                "MinibankBooksDoNotProve",
                "minibank_audit_findings > 0",
                "The books do not prove: the log names the accounts, `minibank audit` says what.",
                minutes=0,
                severity="page",
            )
        ],
    )
    finished_at: Gauge = instrument(
        Gauge,
        "minibank_audit_finished_time_seconds",
        "When the last round was finished, in seconds since 1970; 0 before the first.",
        together="max",
    )
    interval_seconds: Gauge = instrument(
        Gauge,
        "minibank_audit_interval_seconds",
        "How often a round begins: `audit_interval_seconds`.",
        together="max",
        alerts=[
            Alert(
                "MinibankAuditLate",
                "time() - minibank_audit_finished_time_seconds"
                " > 3 * minibank_audit_interval_seconds + 3600"
                " and time() - process_start_time_seconds"
                " > 3 * minibank_audit_interval_seconds + 3600",
                "No round of the audit has been finished for long: nobody proves the books.",
                minutes=15,
            )
        ],
    )
    seconds: Gauge = instrument(
        Gauge,
        "minibank_audit_seconds",
        "How long the last round took, its pauses included.",
        together="max",
    )
    accounts: Gauge = instrument(
        Gauge, "minibank_audit_accounts", "Accounts that the last round verified.", together="max"
    )
    entry_sets: Gauge = instrument(
        Gauge,
        "minibank_audit_entry_sets",
        "Entry sets that the last round verified.",
        together="max",
    )
