"""`minibank` itself: the list of commands, and how any of them ends."""

import os
import sys
from importlib.metadata import version

import typer

from minibank.app.errors import StartError
from minibank.app.logs import lossy_stderr
from minibank.cli.common import FAILED, REFUSED, CommandFailed
from minibank.cli.lazy import Entry, lazy_group
from minibank.core.errors import BankError
from minibank.db import DatabaseError
from minibank.settings import SettingsError

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""

_RUN, _TRY = "Run a bank", "Try things out"
_PEOPLE, _TRUST = "People and programs", "Look after it"

_ENTRIES = {
    "demo": Entry("demo:demo", _RUN),
    "hosts": Entry("hosts:print_hosts", _RUN),
    "serve": Entry("serve:serve", _RUN),
    "worker": Entry("worker:work", _RUN),
    "migrate": Entry("migrate:migrate_bank", _RUN),
    "listen": Entry("listen:listen", _TRY),
    "trigger": Entry(
        "trigger:app",
        _TRY,
        {
            "settle": "trigger_after:settle",
            "reverse": "trigger_after:reverse",
            "refund": "trigger_after:refund",
        },
    ),
    "user": Entry(
        "users:app",
        _PEOPLE,
        {
            "export": "privacy:export",
            "erase": "privacy:erase",
            "erasures": "privacy:list_past",
        },
    ),
    "client": Entry("clients:app", _PEOPLE),
    "account": Entry(
        "accounts:app",
        _PEOPLE,
        {
            "set-state": "account_changes:set_state",
            "set-limits": "account_changes:set_limits_",
            "close": "account_changes:close",
            "add-owner": "account_changes:add_owner_",
            "remove-owner": "account_changes:remove_owner_",
        },
    ),
    "card": Entry("cards:app", _PEOPLE),
    "pot": Entry("pots:app", _PEOPLE),
    "transaction": Entry("transactions:app", _PEOPLE),
    "token": Entry("tokens:app", _PEOPLE),
    "webhooks": Entry(
        "webhooks:app",
        _PEOPLE,
        {"deliveries": "deliveries:list_deliveries", "delivery": "deliveries:show_delivery"},
    ),
    "audit": Entry("audit:audit_bank", _TRUST),
    "journal": Entry("journal:app", _TRUST),
    "clearing": Entry("clearing:app", _TRUST),
    "backup": Entry("backup:back_up_bank", _TRUST),
    "restore": Entry("backup:restore_bank", _TRUST),
    "files": Entry("files:app", _TRUST),
    "operator": Entry("operator:app", _TRUST),
    "key": Entry("keys:app", _TRUST),
    "settings": Entry("settings:show_settings", _TRUST),
    "reference": Entry("reference:print_reference", hidden=True),
    "version": Entry("main:show_version", _TRUST),
}

root = lazy_group(
    typer.Typer(
        help="A bank you can run. Exit status: 0 done, 1 the bank says no or the audit found"
        " something, 2 the command could not run.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    ),
    _ENTRIES,
)


def show_version() -> None:
    """Print the version."""
    sys.stdout.write(f"minibank {version('minibank')}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status. Every failure is one line on standard error."""
    _hold_standard_streams()
    if not __debug__:
        return _say("python -O removes checks that the bank relies on: start it without", FAILED)
    try:
        status = root(arguments, prog_name="minibank", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        ending = _ending(error)
        if ending is None:
            raise
        return _say(*ending)
    return status if isinstance(status, int) else 0


def _hold_standard_streams() -> None:
    """Put the null device in place of a standard stream that was closed.

    Else the next file that is opened gets its number: a database, or a customer's connection, into
    which whoever writes to standard error would write.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - for as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _ending(error: BaseException) -> tuple[str, int] | None:
    """What to say of an error, and the exit status; None for a fault of ours."""
    if isinstance(error, CommandFailed):
        return str(error), error.status
    if isinstance(error, BankError):
        return error.message, REFUSED
    if isinstance(error, StartError | SettingsError | DatabaseError):
        return str(error), FAILED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "stopped", STOPPED
    # What the command-line parser refuses; its class has moved between versions of the parser.
    if hasattr(error, "format_message"):
        return f"{error.format_message()} (--help tells more)", FAILED
    return None


def _say(message: str, status: int) -> int:
    lossy_stderr().write(f"minibank: {' '.join(message.split())}\n")
    return status
