"""Which merchant a person at a terminal means: by id, or by a name that one alone has."""

import msgspec

from minibank.cli.common import CommandFailed
from minibank.core.errors import NotFound
from minibank.db import ReadTx, Row
from minibank.transactions.store import list_merchants_after

PAGE = 1000
NAMED_MAX = 10
"""How many merchants of one name are listed."""


class _Address(msgspec.Struct):
    short_formatted: str = ""


async def find_merchant(tx: ReadTx, which: str) -> tuple[str, str]:
    """The id and the name of the merchant with this id, or with this name in any letters.

    Raises `NotFound`, or `CommandFailed` with what there is to choose from.
    """
    wanted = which.strip().casefold()
    after, named = "", list[Row]()
    while rows := await list_merchants_after(tx, after, PAGE):
        for row in rows:
            if row["id"] == which:
                return row["id"], row["name"]
            if row["name"].casefold() == wanted:
                named.append(row)
        after = rows[-1]["id"]
    if not named:
        raise NotFound("merchant", f"there is no merchant {which}")
    if len(named) > 1:
        raise CommandFailed(_choice(which, named))
    return named[0]["id"], named[0]["name"]


def _choice(which: str, named: list[Row]) -> str:
    listed = [f"{row['id']} ({_where(row)})" for row in named[:NAMED_MAX]]
    more = ["..."] if len(named) > NAMED_MAX else []
    return (
        f"{len(named)} merchants are called {which}, name one by its id:"
        f" {', '.join([*listed, *more])}"
    )


def _where(row: Row) -> str:
    address = msgspec.json.decode(row["postal_address"], type=_Address)
    return address.short_formatted or "no address"
