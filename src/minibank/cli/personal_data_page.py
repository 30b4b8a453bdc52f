"""The page docs/reference/personal-data.md: what is held about a person, from the inventory."""

from collections.abc import Iterator

from minibank.privacy.inventory import EXCLUDED_COLUMNS, INVENTORY, Held

_INTRODUCTION = """\
# Personal data

What the bank holds about a person, where `minibank user export` shows it, and what
`minibank user erase` does with it. The [guide](../guides/personal-data.md) says why.

* **erased**: the column is emptied or its row is deleted
* **pseudonymous**: an id or a digest stays, which leads to nobody any more
* **kept**: the bank must keep it, or it says nothing about a person

Numbers and instants stay for as long as their row. This page is generated from the code:
`minibank reference personal-data`."""


def personal_data_reference() -> str:
    """The page."""
    lines = [_INTRODUCTION]
    for table, held in INVENTORY.items():
        lines += ["", f"## `{table}`", "", *_about(table, held)]
    return "\n".join(lines) + "\n"


def _about(table: str, held: Held) -> Iterator[str]:
    if held.shown_as:
        yield f"Exported as `{held.shown_as}`."
    else:
        yield f"Not exported: {held.not_shown}."
    yield from ("", "| column | when erased | |", "| --- | --- | --- |")
    for name, column in held.columns.items():
        left_out = EXCLUDED_COLUMNS.get(f"{table}.{name}")
        note = f"; not exported: {left_out}" if left_out else ""
        yield f"| `{name}` | {column.fate} | {column.why}{note} |"
