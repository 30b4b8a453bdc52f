"""What a database counts."""

from dataclasses import dataclass

from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    StorageFull,
    UniqueViolation,
)
from minibank.metrics.instruments import Alert, Counter, Gauge, instrument

_KINDS: dict[type[DatabaseError], str] = {
    LostRace: "lost_race",
    UniqueViolation: "unique_violation",
    DatabaseUnavailable: "unavailable",
    BadData: "bad_data",
    StorageFull: "storage_full",
}
_OTHER = "other"
_REPEATED = ("lost_race", "unique_violation", "unavailable")


def kind_of(error: DatabaseError) -> str:
    """The label of an error."""
    return _KINDS.get(type(error), _OTHER)


@dataclass(frozen=True)
class DatabaseMetrics:
    """The instruments of one open database."""

    connections_max: Gauge = instrument(
        Gauge,
        "minibank_database_connections_max",
        "Connections that may be open: `connections_max` of each process; on SQLite its one"
        " writer.",
    )
    connections_in_use: Gauge = instrument(
        Gauge,
        "minibank_database_connections_in_use",
        "Connections that a unit of work has at this moment.",
    )
    waiting: Gauge = instrument(
        Gauge,
        "minibank_database_connections_waiting",
        "Units of work that wait for a connection.",
        alerts=[
            Alert(
                "MinibankConnectionsShort",
                "minibank_database_connections_waiting > 0 and"
                " minibank_database_connections_in_use"
                " >= minibank_database_connections_max",
                "All connections stay in use: raise connections_max, or find what is slow.",
            )
        ],
    )
    repeats: Counter = instrument(
        Counter,
        "minibank_database_repeats_total",
        "Units of work that were run again, because another one won or the connection was lost.",
        ("kind",),
        known=(_REPEATED,),
        alerts=[
            Alert(
                "MinibankRacesLost",
                "sum by (instance)"
                ' (rate(minibank_database_repeats_total{kind="lost_race"}[5m])) > 10',
                "Units of work keep losing against each other: something long holds locks.",
                minutes=10,
            )
        ],
    )
    errors: Counter = instrument(
        Counter,
        "minibank_database_errors_total",
        "Units of work that failed for good, after what could be repeated was.",
        ("kind",),
        known=((*_KINDS.values(), _OTHER),),
        alerts=[
            Alert(
                "MinibankDatabaseAway",
                "sum by (instance)"
                ' (rate(minibank_database_errors_total{kind="unavailable"}[1m])) > 0',
                "The database cannot be reached, or refuses to be written.",
                minutes=1,
                severity="page",
            ),
            Alert(
                "MinibankStorageFull",
                'increase(minibank_database_errors_total{kind="storage_full"}[5m]) > 0',
                "The disk of the database is full, failing or read-only: nothing is written.",
                minutes=0,
                severity="page",
            ),
        ],
    )
