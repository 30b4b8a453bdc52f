"""`minibank` itself: the list of commands, and how any of them ends."""

import os
import sys
from importlib.metadata import version

import typer

from minibank.app.errors import StartError
from minibank.app.logs import lossy_stderr
from minibank.cli import (
    account_changes,
    accounts,
    audit,
    backup,
    cards,
    clearing,
    clients,
    deliveries,
    demo,
    files,
    hosts,
    journal,
    keys,
    listen,
    migrate,
    operator,
    pots,
    privacy,
    reference,
    serve,
    settings,
    tokens,
    transactions,
    trigger,
    trigger_after,
    users,
    webhooks,
    worker,
)
from minibank.cli.common import FAILED, REFUSED, CommandFailed
from minibank.core.errors import BankError
from minibank.db import DatabaseError
from minibank.settings import SettingsError

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""

app = typer.Typer(
    help="A bank you can run. Exit status: 0 done, 1 the bank says no or the audit found"
    " something, 2 the command could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_RUN, _TRY = "Run a bank", "Try things out"
_PEOPLE, _TRUST = "People and programs", "Look after it"

app.command("demo", rich_help_panel=_RUN)(demo.demo)
app.command("hosts", rich_help_panel=_RUN)(hosts.print_hosts)
app.command("serve", rich_help_panel=_RUN)(serve.serve)
app.command("worker", rich_help_panel=_RUN)(worker.work)
app.command("migrate", rich_help_panel=_RUN)(migrate.migrate_bank)
app.command("listen", rich_help_panel=_TRY)(listen.listen)
app.add_typer(trigger.app, name="trigger", rich_help_panel=_TRY)
trigger.app.command("settle")(trigger_after.settle)
trigger.app.command("reverse")(trigger_after.reverse)
trigger.app.command("refund")(trigger_after.refund)
app.add_typer(users.app, name="user", rich_help_panel=_PEOPLE)
users.app.command("export")(privacy.export)
users.app.command("erase")(privacy.erase)
users.app.command("erasures")(privacy.list_past)
app.add_typer(clients.app, name="client", rich_help_panel=_PEOPLE)
app.add_typer(accounts.app, name="account", rich_help_panel=_PEOPLE)
accounts.app.command("set-state")(account_changes.set_state)
accounts.app.command("set-limits")(account_changes.set_limits_)
accounts.app.command("close")(account_changes.close)
accounts.app.command("add-owner")(account_changes.add_owner_)
accounts.app.command("remove-owner")(account_changes.remove_owner_)
app.add_typer(cards.app, name="card", rich_help_panel=_PEOPLE)
app.add_typer(pots.app, name="pot", rich_help_panel=_PEOPLE)
app.add_typer(transactions.app, name="transaction", rich_help_panel=_PEOPLE)
app.add_typer(tokens.app, name="token", rich_help_panel=_PEOPLE)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=_PEOPLE)
webhooks.app.command("deliveries")(deliveries.list_deliveries)
webhooks.app.command("delivery")(deliveries.show_delivery)
app.command("audit", rich_help_panel=_TRUST)(audit.audit_bank)
app.add_typer(journal.app, name="journal", rich_help_panel=_TRUST)
app.add_typer(clearing.app, name="clearing", rich_help_panel=_TRUST)
app.command("backup", rich_help_panel=_TRUST)(backup.back_up_bank)
app.command("restore", rich_help_panel=_TRUST)(backup.restore_bank)
app.add_typer(files.app, name="files", rich_help_panel=_TRUST)
app.add_typer(operator.app, name="operator", rich_help_panel=_TRUST)
app.add_typer(keys.app, name="key", rich_help_panel=_TRUST)
app.command("settings", rich_help_panel=_TRUST)(settings.show_settings)
app.command("reference", hidden=True)(reference.print_reference)


@app.command("version", rich_help_panel=_TRUST)
def show_version() -> None:
    """Print the version."""
    sys.stdout.write(f"minibank {version('minibank')}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status. Every failure is one line on standard error."""
    _hold_standard_streams()
    if not __debug__:
        return _say("python -O removes checks that the bank relies on: start it without", FAILED)
    try:
        status = app(arguments, prog_name="minibank", standalone_mode=False)
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
