"""What bank it is, where it is kept, how payments and due work run, what is logged."""

# ruff: noqa: RUF009 - `setting` makes a dataclass field

from dataclasses import dataclass
from typing import Literal

from minibank.settings.about import DAY, HOUR, secret, setting
from minibank.settings.kinds import (
    Choice,
    Integer,
    Text,
    is_database_url,
    is_path,
    is_server_key,
    matches,
)

Mode = Literal["sandbox", "production"]
MODES: tuple[Mode, ...] = ("sandbox", "production")

_BANK, _DATABASE, _MONEY, _DUE = "The bank", "Database", "Payments", "Due work"
_AUDIT, _LOGS = "Audit", "Logs"


@dataclass(frozen=True, kw_only=True)
class BankSettings:
    """What bank it is, where it is kept, how payments and due work run, what is logged."""

    mode: Mode = setting(
        _BANK,
        Choice(MODES),
        "What kind of bank this is, and the preset of all defaults. `sandbox` is for developing"
        " against; `production` is for customers of your own, and starts only with a certificate or"
        " behind a named proxy that speaks TLS. The kind is written into the database when the bank"
        " is created.",
        "sandbox",
        production="production",
    )
    sort_code: str = setting(
        _BANK,
        Text("six digits", matches(r"\d{6}")),
        "Sort code of new accounts.",
        "009900",
    )
    bic: str = setting(
        _BANK,
        Text(
            "a BIC of eight characters whose country is GB, such as MINIGB2L",
            matches(r"[A-Z]{4}GB[A-Z0-9]{2}"),
        ),
        "The bank's identifier code (ISO 9362); its first four letters go into the IBANs of new"
        " accounts.",
        "MINIGB2L",
    )
    server_key_file: str = setting(
        _BANK,
        Text("the path of a file", is_path),
        "The file with the bank's server key, made by `minibank key create`: checkpoints are signed"
        " with what is derived from it. Only its owner may be able to read it. Production serves"
        " only with this or `server_key`; the database remembers which key it was, and no other"
        " will do.",
        "",
    )
    server_key: str = secret(
        _BANK,
        Text("the content of a key file, its lines separated by commas or spaces", is_server_key),
        "The same key as a value of the environment, for machines that get their secrets so. It is"
        " accepted from there alone.",
        "",
        only_in_environment=True,
    )
    database: str = secret(
        _DATABASE,
        Text(
            "sqlite:///path/to/bank.db or postgresql://user@host/name",
            is_database_url,
        ),
        "Where the bank is kept: `sqlite:///bank.db` is a file in the present directory,"
        " `sqlite:////srv/bank.db` one with an absolute path, `postgresql://user:password@host/name`"
        " a PostgreSQL database.",
        "sqlite:///minibank.db",
    )
    connections_max: int = setting(
        _DATABASE,
        Integer(2, 1000),
        "PostgreSQL connections that each server process may open.",
        10,
    )
    hold_seconds: int = setting(
        _MONEY,
        Integer(1, 366 * DAY),
        "How long a card authorisation holds money until it expires.",
        7 * DAY,
    )
    suspense_return_days: int = setting(
        _MONEY,
        Integer(0, 366),
        "After how many days a transfer or refund that came for a closed account goes back to where"
        " it came from, unless somebody settles it before. 0 is never.",
        1,
    )
    queue_max: int = setting(
        _MONEY,
        Integer(1, 1_000_000),
        "Commands that may wait for the money engine; more are answered 429.",
        10_000,
    )
    queue_wait_seconds: int = setting(
        _MONEY,
        Integer(1, HOUR),
        "How long a command may wait for the money engine; later it is answered 504, undone.",
        5,
    )
    batch_max: int = setting(
        _MONEY,
        Integer(1, 10_000),
        "Commands that the money engine executes in one unit of work.",
        500,
    )
    due_work_poll_seconds: int = setting(
        _DUE,
        Integer(1, HOUR),
        "How often a process looks for work that has fallen due, such as holds that expire.",
        5,
    )
    due_work_lease_seconds: int = setting(
        _DUE,
        Integer(1, DAY),
        "How long a process has the work it claimed to itself; after that another may take it.",
        60,
    )
    audit_interval_seconds: int = setting(
        _AUDIT,
        Integer(0, 31 * DAY),
        "How often a bank that serves audits itself in the background: what is new of every"
        " account, by one process at a time, in a fifth of its time at most. 0 is never.",
        0,
        production=HOUR,
    )
    audit_full_days: int = setting(
        _AUDIT,
        Integer(1, 366),
        "In how many days the audit in the background verifies each account from its first entry"
        " set; every round takes its share of them.",
        30,
    )
    log_level: str = setting(
        _LOGS,
        Choice(("debug", "info", "warning", "error")),
        "The least important messages that are logged.",
        "info",
    )
