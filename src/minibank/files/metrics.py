"""What is counted of files."""

from dataclasses import dataclass

from minibank.metrics.instruments import Alert, Counter, instrument


@dataclass(frozen=True)
class FileMetrics:
    """The instruments of the place where bytes are kept."""

    received: Counter = instrument(
        Counter, "minibank_files_received_total", "Files that were sent here."
    )
    received_bytes: Counter = instrument(
        Counter, "minibank_files_received_bytes_total", "Bytes of files that were sent here."
    )
    served_bytes: Counter = instrument(
        Counter, "minibank_files_served_bytes_total", "Bytes of files that were asked for."
    )
    removed: Counter = instrument(
        Counter, "minibank_files_removed_total", "Files whose bytes were removed."
    )
    failures: Counter = instrument(
        Counter,
        "minibank_files_failures_total",
        "Times that the place for files did not do what was asked: `write`, `read`, `remove`; or"
        " had no bytes of a file that the bank has (`missing`).",
        ("what",),
        known=(("write", "read", "remove", "missing"),),
        alerts=[
            Alert(
                "MinibankFilesFail",
                'sum by (instance) (rate(minibank_files_failures_total{what!="missing"}[5m])) > 0',
                "Files can be neither kept nor read: its disk is full, or the store is away.",
                severity="page",
            ),
            Alert(
                "MinibankFilesMissing",
                'sum by (instance) (increase(minibank_files_failures_total{what="missing"}[1h]))'
                " > 0",
                "The bytes of a file are not where the bank has kept them: see `minibank files"
                " check`.",
            ),
        ],
    )
