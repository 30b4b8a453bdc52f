"""`minibank token`: end tokens in an emergency."""

import sys
from typing import Annotated

import typer

from minibank.cli.common import FAILED, CommandFailed, console, for_a_bank, in_books
from minibank.cli.users import find_person
from minibank.db import Database
from minibank.oauth.revocation import revoke_client_user, revoke_token, revoke_user
from minibank.oauth.tokens import TokenRules
from minibank.settings import Loaded

app = typer.Typer(help="Tokens: end them.", no_args_is_help=True)


@app.command("revoke")
@for_a_bank
def revoke(
    loaded: Loaded,
    token_stdin: Annotated[
        bool,
        typer.Option("--token-stdin", help="End the token on standard input, and its twin."),
    ] = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="End all tokens of this person.")
    ] = None,
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="CLIENT", help="With --user: only this client's."),
    ] = None,
) -> None:
    """End tokens at once: one that leaked, or those of a person, while the bank serves.

    An access token and its refresh token end together. Tokens are read from standard input, because
    a command line is visible to others and stays in the shell's history.

    Examples:

      minibank token revoke --user ada@example.com

      minibank token revoke --token-stdin < leaked.txt
    """
    if token_stdin == (user is not None) or (client and not user):
        raise CommandFailed("say --token-stdin, or --user with or without --client", FAILED)
    rules = TokenRules.from_settings(loaded.settings)
    token = sys.stdin.readline().strip() if token_stdin else ""

    async def work(db: Database) -> int:
        if user is None:
            return await db.transact(lambda tx: revoke_token(tx, token, rules))
        person = await db.read(lambda tx: find_person(tx, user))
        if client is None:
            return await db.transact(lambda tx: revoke_user(tx, person.id, rules))
        return await db.transact(lambda tx: revoke_client_user(tx, client, person.id, rules))

    ended = in_books(loaded, work)
    if token_stdin and not ended:
        raise CommandFailed("no live token is like that: it ended already, or never was")
    console().print(f"{ended} pair{'' if ended == 1 else 's'} of tokens ended.")
