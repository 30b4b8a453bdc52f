"""Answers of the operator API for people: a table for a list, lines for one thing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from minibank.cli.common import console, errors_console, harmless, print_facts, print_table
from minibank.core.money import format_amount

_ENTRY = {"address", "amount", "currency"}
_HASH = re.compile("[0-9a-f]{64}")
"""Long enough to make a table unreadable: `--json` has it whole."""
_MONEY = ("amount", "balance", "held", "total", "booked", "available", "in_pots")


def show(answer: Any) -> None:  # noqa: ANN401 - any JSON
    """Print an answer: its one list as a table, and what stands beside it as lines."""
    if not isinstance(answer, dict):
        console().print(harmless(str(answer)))
        return
    lists = {name: one for name, one in answer.items() if _is_table(one)}
    rest = {
        name: one for name, one in answer.items() if name not in lists and one not in (None, [])
    }
    following = rest.pop("next", None) if lists else None
    if rest:
        print_facts({_words(name): _cell(name, one, answer) for name, one in rest.items()})
    for name, rows in lists.items():
        if len(lists) > 1:
            console().print(f"\n{_words(name).capitalize()}", style="bold")
        show_rows(rows)
    if following:
        errors_console().print(f"There are more: --after {following}")
    if not rest and not lists:
        errors_console().print("There are none.")


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table with a column for everything that any row has a value for."""
    names = list(
        dict.fromkeys(name for row in rows for name, one in row.items() if one is not None)
    )
    cells = [[_cell(name, row.get(name), row) for name in names] for row in rows]
    print_table([_words(name) for name in names], cells, "There are none.")


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(name: str, value: object, beside: Mapping[str, Any]) -> str:
    """A value as text; money by the currency that stands beside it."""
    if isinstance(value, list):
        return "\n".join(_cell(name, one, beside) for one in value)
    if isinstance(value, dict):
        return _lines(value)
    currency = beside.get("currency")
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if is_count and isinstance(currency, str) and name.endswith(_MONEY):
        return format_amount(cast(int, value), currency)
    return _word(value)


def _lines(value: Mapping[str, Any]) -> str:
    if value.keys() == _ENTRY:
        return f"{_cell('amount', value['amount'], value)}  {harmless(value['address'])}"
    return "\n".join(f"{_words(key)}: {_cell(key, one, value)}" for key, one in value.items())


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"{text[:12]}..." if _HASH.fullmatch(text) else harmless(text)
