"""What all commands share: which bank they mean, how they end, how they print."""

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from minibank.app.books import open_books
from minibank.app.logs import lossy_stderr
from minibank.core.instants import format_instant
from minibank.db import Database, DatabaseError
from minibank.settings import Loaded, SettingsError, load_settings
from minibank.settings.show import mask_url

T = TypeVar("T")

REFUSED = 1
"""Exit status: the bank said no, or the audit found something."""
FAILED = 2
"""Exit status: the command could not run (its usage, the settings, the database)."""

BANK_PANEL = "Which bank"

DatabaseFlag = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="sqlite:///bank.db or postgresql://user@host/name",
        rich_help_panel=BANK_PANEL,
    ),
]
ConfigFlag = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="A TOML file of settings.", rich_help_panel=BANK_PANEL
    ),
]
ModeFlag = Annotated[
    str | None,
    typer.Option(
        "--mode", metavar="MODE", help="sandbox or production.", rich_help_panel=BANK_PANEL
    ),
]
SetFlag = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other setting; may be repeated.",
        rich_help_panel=BANK_PANEL,
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

LIMIT = 1000
LimitFlag = Annotated[
    int, typer.Option("--limit", min=1, max=1_000_000, help="How many to list at most.")
]

_BANK_FLAGS = {
    "database": (DatabaseFlag, None),
    "config": (ConfigFlag, None),
    "mode": (ModeFlag, None),
    "set_": (SetFlag, ()),
}


class CommandFailed(Exception):
    """Ends a command with one line on standard error and this exit status."""

    def __init__(self, message: str, status: int = REFUSED) -> None:
        super().__init__(message)
        self.status = status


def for_a_bank(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags that say which bank; it receives the settings as first argument.

    A parameter whose name is that of a setting becomes a flag for this setting; the command gets
    it by way of the settings and not by itself.
    """
    parameters = list(inspect.signature(command).parameters.values())
    takes = {parameter.name for parameter in parameters}

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:  # noqa: ANN401 - whatever the command line says
        flags = {name: given.pop(name) for name in ("database", "mode")}
        flags |= {name: given.get(name) for name in takes & _SETTING_FLAGS}
        loaded = read_settings(flags, given.pop("config"), given.pop("set_"))
        command(loaded, **given)

    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=flag)
        for name, (flag, default) in _BANK_FLAGS.items()
    ]
    wrapper.__signature__ = inspect.Signature([*parameters[1:], *flags])  # type: ignore[attr-defined]
    own = {parameter.name: parameter.annotation for parameter in parameters[1:]}
    wrapper.__annotations__ = own | {name: flag for name, (flag, _) in _BANK_FLAGS.items()}
    return wrapper


_SETTING_FLAGS = {
    *("host", "port", "workers", "public_url", "log_level"),
    *("tls", "tls_cert", "tls_key"),
}


def read_settings(
    flags: Mapping[str, object],
    config: Path | None,
    assignments: Sequence[str],
    directory: Path | None = Path(),
) -> Loaded:
    """The settings from everywhere, the flags of this command first."""
    texts = {name: None if value is None else str(value) for name, value in flags.items()}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign:
            raise SettingsError(f"--set {assignment}: write it as --set name=value")
        texts.setdefault(name, None)
        texts[name] = value if texts[name] is None else texts[name]
    return load_settings(texts, os.environ, config, directory)


def in_books(loaded: Loaded, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the bank's database, do `work` with it, close it."""

    async def run() -> T:
        async with open_books(loaded.settings) as db:
            try:
                return await work(db)
            except DatabaseError as error:
                where = mask_url(loaded.settings.database)
                message = f"the database {where} cannot be used: {error}"
                raise CommandFailed(message, FAILED) from error

    return asyncio.run(run())


def console() -> Console:
    """Standard output; not cut to a width when it goes to a file or another program."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 240, soft_wrap=False)


def errors_console() -> Console:
    """Standard error, where everything goes that is not the result."""
    return Console(file=lossy_stderr(), highlight=False)


def print_json(value: object) -> None:
    """A result for scripts."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(f"{text}\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A table that shows every value whole, or the sentence `empty` when there is nothing."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        is_amount = heading in {"balance", "overdraft", "held"}
        table.add_column(
            heading,
            overflow="fold",
            no_wrap=number == 0,
            justify="right" if is_amount else "left",
        )
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        console().print(table)
    else:
        errors_console().print(empty)


def print_listing(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    things: Sequence[object],
    limit: int,
    *,
    as_json: bool,
) -> None:
    """A list of things as a table or as JSON, and on standard error whether it was cut."""
    if as_json:
        print_json(things)
    else:
        print_table(headings, rows, "There are none yet.")
    if things and len(things) == limit:
        errors_console().print(f"The first {limit}: --limit shows more.")


def print_facts(facts: Mapping[str, str]) -> None:
    """What is known of one thing, a line each."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value)
    console().print(table)


def day(instant: int | None) -> str:
    """An instant as people read it; empty for none."""
    return "" if instant is None else format_instant(instant)[:19].replace("T", " ")


def harmless(text: str) -> str:
    """Text of anybody's as a terminal may see it: it must not steer it."""
    return escape("".join(one if one.isprintable() else "\ufffd" for one in text))
