"""The pages in docs/reference that follow from the code."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from minibank.cli.common import BANK_PANEL
from minibank.cli.limits_page import limits_reference
from minibank.cli.metrics_page import alert_rules, metrics_reference
from minibank.cli.personal_data_page import personal_data_reference
from minibank.settings.show import markdown_reference

_INTRODUCTION = """\
# The command line

`minibank --help` lists the commands; every command explains itself with `--help`.

A command that fails says why in one line on standard error. The exit status is 0 when it did what
was asked, 1 when the bank says no (or the audit found something), 2 when it could not run: its
usage, the settings, or the database. `--json` prints a result for scripts on standard output and
nothing else.

Every command that works with a bank also takes

| flag | meaning |
| --- | --- |
| `--database URL` | `sqlite:///bank.db` or `postgresql://user@host/name` |
| `--config FILE` | a TOML file of [settings](settings.md) |
| `--mode MODE` | `sandbox` or `production` |
| `--set NAME=VALUE` | any other setting; may be repeated |

It may run while the bank serves: what it changes is in force at the next request.

This page is generated from the code: `minibank reference cli`."""


_PAGES: Mapping[str, Callable[[], str]] = {
    "alerts": alert_rules,
    "limits": limits_reference,
    "metrics": metrics_reference,
    "personal-data": personal_data_reference,
    "settings": markdown_reference,
}


def print_reference(
    page: Annotated[
        str,
        typer.Argument(help="alerts, cli, limits, metrics, personal-data or settings."),
    ],
    context: typer.Context,
) -> None:
    """Print a page of the documentation that follows from the code."""
    write = _PAGES.get(page)
    sys.stdout.write(write() if write else cli_reference(context.find_root().command))


def cli_reference(root: Any) -> str:  # noqa: ANN401 - a class that has moved between versions
    """The page about all commands below `root`."""
    lines = [_INTRODUCTION]
    for path, command in _walk("minibank", root):
        lines += ["", f"## `{path}`", "", *_about(command.help or ""), *_flags(path, command)]
    return "\n".join(lines) + "\n"


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Commands that do something, in alphabetical order."""
    for name, inner in sorted(command.commands.items()):
        if inner.hidden:
            continue
        if hasattr(inner, "commands"):
            yield from _walk(f"{path} {name}", inner)
        else:
            yield f"{path} {name}", inner


def _about(text: str) -> list[str]:
    """The command's own help, its examples as code."""
    prose, _, examples = text.partition("Examples:")
    lines = [prose.strip()]
    commands = [line.strip() for line in examples.splitlines() if line.strip()]
    return [*lines, "", "```sh", *commands, "```"] if commands else lines


def _flags(path: str, command: Any) -> list[str]:  # noqa: ANN401
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [
        one
        for one in command.params
        if one.param_type_name == "option"
        and not one.hidden
        and (one.rich_help_panel != BANK_PANEL or path == "minibank demo")
    ]
    usage = " ".join([path, *(one.metavar or one.name.upper() for one in arguments)])
    lines = ["", f"`{usage} [flags]`"] if arguments else []
    rows = [_row(one.metavar or one.name.upper(), one) for one in arguments]
    rows += [_row(" ".join(filter(None, (one.opts[0], one.metavar))), one) for one in options]
    if rows:
        lines += ["", "| flag | meaning |", "| --- | --- |", *rows]
    return lines


def _row(written: str, parameter: Any) -> str:  # noqa: ANN401
    meaning = parameter.help or ""
    is_required = parameter.required and parameter.param_type_name == "option"
    return f"| `{written}` | {meaning}{' Required.' if is_required else ''} |"
