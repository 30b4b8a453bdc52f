"""`minibank client`: the programs that may act for people."""

from typing import Annotated, TypeVar, cast

import msgspec
import typer
from msgspec import UNSET

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
from minibank.core.errors import BadParam, NotFound
from minibank.db import Database, ReadTx
from minibank.oauth import store
from minibank.oauth.clients import (
    ClientChanges,
    NewClient,
    OptionChanges,
    change_client,
    create_client,
    disable_client,
    enable_client,
    rotate_secret,
)
from minibank.oauth.records import Client, ClientOptions, Grant
from minibank.oauth.secrets import new_client_secret
from minibank.settings import Loaded

app = typer.Typer(
    help="OAuth clients: create, list, show, change, rotate a secret, disable, enable.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="CLIENT", help="A client's id.")]

Options = TypeVar("Options", ClientOptions, OptionChanges)

SHOWN_ONCE = "The secret is shown this once and kept only as a digest: store it now."


def _facts(client: Client) -> dict[str, str]:
    options = msgspec.to_builtins(client.options)
    return {
        "id": client.id,
        "name": client.name,
        "kind": "confidential" if client.confidential else "public",
        "grants": ", ".join(client.grants),
        "redirect URIs": "\n".join(client.redirect_uris),
        "options": ", ".join(f"{name}={value!r}" for name, value in options.items()),
        "created": day(client.created_at),
        "state": "in use" if client.disabled_at is None else f"disabled {day(client.disabled_at)}",
    }


def _read_options(assignments: list[str], kind: type[Options]) -> Options:
    """Compatibility options from `name=value` texts; `BadParam` for what there is not."""
    values = dict(assignment.partition("=")[::2] for assignment in assignments)
    unknown = values.keys() - set(ClientOptions.__struct_fields__)
    if unknown:
        known = ", ".join(ClientOptions.__struct_fields__)
        raise BadParam("option", f"has no option {min(unknown)}, only {known}")
    try:
        # Not strict: "30" is the number and "false" the boolean that was meant.
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadParam("option", f"is not allowed: {error}") from error


@app.command("create")
@for_a_bank
def create(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    name: Annotated[str, typer.Option("--name", help="What people see.")],
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option("--redirect-uri", metavar="URI", help="Where people return; repeatable."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="It cannot keep a secret, and gets none.")
    ] = False,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            help="password, refresh_token or authorization_code; repeatable. Default: all of"
            " its kind.",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="A compatibility option; repeatable."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Register an OAuth client. Its secret is shown once.

    Examples:

      minibank client create --name "Budget app" --redirect-uri http://localhost:3000/callback

      minibank client create --name Script --grant password --grant refresh_token
    """
    new = NewClient(
        name=name,
        confidential=not public,
        redirect_uris=redirect_uri or (),
        grants=cast(list[Grant], grant) if grant else None,
        options=_read_options(option or [], ClientOptions),
    )

    async def work(db: Database) -> tuple[Client, str | None]:
        # Drawn here, so that a unit of work that runs again stores what it stored before.
        secret = new_client_secret(db.ids)
        drawn = msgspec.structs.replace(
            new, id=db.ids.new("oauth2client", db.ids.shard(), db.clock.now())
        )
        return await db.transact(lambda tx: create_client(tx, drawn, secret))

    client, secret = in_books(loaded, work)
    if as_json:
        print_json({**msgspec.to_builtins(client), "client_secret": secret})
        return
    print_facts({**_facts(client), **({"secret": secret} if secret else {})})
    if secret:
        console().print(SHOWN_ONCE)


@app.command("list")
@for_a_bank
def list_(loaded: Loaded, as_json: JsonFlag = False) -> None:
    """List the clients."""
    clients = in_books(loaded, lambda db: db.read(store.list_clients))
    rows = [
        (
            client.id,
            client.name,
            "confidential" if client.confidential else "public",
            "in use" if client.disabled_at is None else "disabled",
        )
        for client in clients
    ]
    print_listing(("id", "name", "kind", "state"), rows, clients, 0, as_json=as_json)


async def _require_client(tx: ReadTx, client_id: str) -> Client:
    client = await store.find_client(tx, client_id)
    if client is None:
        raise NotFound("client", f"there is no client {client_id}")
    return client


@app.command("show")
@for_a_bank
def show(loaded: Loaded, client: Which, as_json: JsonFlag = False) -> None:
    """Show one client."""
    found = in_books(loaded, lambda db: db.read(lambda tx: _require_client(tx, client)))
    print_json(found) if as_json else print_facts(_facts(found))


@app.command("rotate-secret")
@for_a_bank
def rotate(
    loaded: Loaded,
    client: Which,
    overlap_seconds: Annotated[
        int | None,
        typer.Option(
            "--overlap-seconds",
            min=0,
            help="How long the former secret works on; 0 ends it at once."
            " Default: client_secret_overlap_seconds.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a client a new secret. The former one works on for a while, so that nothing breaks.

    Examples:

      minibank client rotate-secret oauth2client_0000... --overlap-seconds 0
    """
    seconds = loaded.settings.client_secret_overlap_seconds
    seconds = seconds if overlap_seconds is None else overlap_seconds

    async def work(db: Database) -> str:
        secret = new_client_secret(db.ids)
        return await db.transact(lambda tx: rotate_secret(tx, client, seconds, secret))

    secret = in_books(loaded, work)
    if as_json:
        print_json({"client_id": client, "client_secret": secret, "overlap_seconds": seconds})
        return
    print_facts({"id": client, "secret": secret})
    console().print(f"{SHOWN_ONCE} The former secret ends in {seconds} seconds.")


@app.command("disable")
@for_a_bank
def disable(loaded: Loaded, client: Which) -> None:
    """Shut a client out at once: none of its tokens works any more."""
    in_books(loaded, lambda db: db.transact(lambda tx: disable_client(tx, client)))
    console().print(f"{client} is disabled; its tokens do not work any more.")


@app.command("enable")
@for_a_bank
def enable(loaded: Loaded, client: Which) -> None:
    """Let a client in again that was disabled; the tokens it has left work again."""
    in_books(loaded, lambda db: db.transact(lambda tx: enable_client(tx, client)))
    console().print(f"{client} is in use again.")


@app.command("change")
@for_a_bank
def change(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    client: Which,
    name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(
            "--redirect-uri", metavar="URI", help="In place of all there are; repeatable."
        ),
    ] = None,
    grant: Annotated[
        list[str] | None, typer.Option("--grant", help="In place of all there are; repeatable.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="A compatibility option; repeatable."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what a client is called, where people return, what it may do. Its tokens stay.

    Examples:

      minibank client change oauth2client_0000... --name "Budget app 2"
    """
    changes = ClientChanges(
        name=UNSET if name is None else name,
        redirect_uris=UNSET if redirect_uri is None else redirect_uri,
        grants=UNSET if grant is None else cast(list[Grant], grant),
        options=_read_options(option, OptionChanges) if option else UNSET,
    )
    changed = in_books(
        loaded, lambda db: db.transact(lambda tx: change_client(tx, client, changes))
    )
    print_json(changed) if as_json else print_facts(_facts(changed))
