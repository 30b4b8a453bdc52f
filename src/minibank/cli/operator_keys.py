"""`minibank operator key`: who may use the operator API, and for what."""

from typing import Annotated, cast

import msgspec
import typer

from minibank.cli.common import (
    JsonFlag,
    console,
    day,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.db import Database
from minibank.operators import store
from minibank.operators.keys import (
    create_key,
    disable_key,
    new_key_secret,
    read_key,
    rotate_key,
)
from minibank.operators.records import OperatorKey, Scope
from minibank.settings import Loaded

app = typer.Typer(
    help="Keys of the operator API: create, list, show, rotate, disable.", no_args_is_help=True
)

Which = Annotated[str, typer.Argument(metavar="KEY", help="A key's id.")]
SHOWN_ONCE = "The secret is shown this once and kept only as a digest: store it now."
OVERLAP_SECONDS = 24 * 3600


def _facts(key: OperatorKey) -> dict[str, str]:
    facts = {
        "id": key.id,
        "name": key.name,
        "scopes": ", ".join(key.scopes),
        "created": day(key.created_at),
        "last used": day(key.last_used_at) or "never",
        "state": "in use" if key.disabled_at is None else f"disabled {day(key.disabled_at)}",
    }
    if key.retiring_until is not None:
        facts["former secret"] = (
            f"works until {day(key.retiring_until)},"
            f" last used {day(key.retiring_used_at) or 'never'}"
        )
    return facts


@app.command("create")
@for_a_bank
def create(
    loaded: Loaded,
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="rails, customers, audit or sandbox; repeatable."),
    ],
    name: Annotated[str, typer.Option("--name", help="Whose key it is.")] = "Operator",
    as_json: JsonFlag = False,
) -> None:
    """Create an operator key. Its secret is shown once.

    Examples:

      minibank operator key create --name "Card processor" --scope rails

      minibank operator key create --name Auditor --scope audit --json
    """

    async def work(db: Database) -> tuple[OperatorKey, str]:
        # Drawn here, so that a unit of work that runs again stores what it stored before.
        secret, key_id = new_key_secret(db.ids), db.ids.new("opkey", 0, db.clock.now())
        scopes = cast(list[Scope], scope)
        key = await db.transact(lambda tx: create_key(tx, name, scopes, secret, key_id))
        return key, secret

    key, secret = in_books(loaded, work)
    if as_json:
        print_json({**msgspec.to_builtins(key), "secret": secret})
        return
    print_facts({**_facts(key), "secret": secret})
    console().print(SHOWN_ONCE)


@app.command("list")
@for_a_bank
def list_(loaded: Loaded, as_json: JsonFlag = False) -> None:
    """List the operator keys, and when each was last used."""
    keys = in_books(loaded, lambda db: db.read(store.list_keys))
    rows = [
        (
            key.id,
            key.name,
            ", ".join(key.scopes),
            day(key.last_used_at) or "never",
            "in use" if key.disabled_at is None else "disabled",
        )
        for key in keys
    ]
    headings = ("id", "name", "scopes", "last used", "state")
    print_listing(headings, rows, keys, 0, as_json=as_json)


@app.command("show")
@for_a_bank
def show(loaded: Loaded, key: Which, as_json: JsonFlag = False) -> None:
    """Show one key."""
    found = in_books(loaded, lambda db: db.read(lambda tx: read_key(tx, key)))
    print_json(found) if as_json else print_facts(_facts(found))


@app.command("rotate")
@for_a_bank
def rotate(
    loaded: Loaded,
    key: Which,
    overlap_seconds: Annotated[
        int,
        typer.Option(
            "--overlap-seconds",
            min=0,
            help="How long the former secret works on; 0 ends it at once.",
        ),
    ] = OVERLAP_SECONDS,
    as_json: JsonFlag = False,
) -> None:
    """Give a key a new secret. The former one works on for a while, so that nothing breaks.

    `minibank operator key show` says when the former one was last used.

    Examples:

      minibank operator key rotate opkey_0000... --overlap-seconds 3600
    """

    async def work(db: Database) -> str:
        secret = new_key_secret(db.ids)
        await db.transact(lambda tx: rotate_key(tx, key, overlap_seconds, secret))
        return secret

    secret = in_books(loaded, work)
    if as_json:
        print_json({"id": key, "secret": secret, "overlap_seconds": overlap_seconds})
        return
    print_facts({"id": key, "secret": secret})
    console().print(f"{SHOWN_ONCE} The former secret ends in {overlap_seconds} seconds.")


@app.command("disable")
@for_a_bank
def disable(loaded: Loaded, key: Which) -> None:
    """Shut a key out, at once and for good."""
    in_books(loaded, lambda db: db.transact(lambda tx: disable_key(tx, key)))
    console().print(f"{key} is disabled.")
