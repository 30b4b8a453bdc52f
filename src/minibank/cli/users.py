"""`minibank user`: the people."""

import asyncio
import os
import sys
from typing import Annotated

import msgspec
import typer

from minibank.cli.common import (
    FAILED,
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    console,
    day,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.cli.store import list_users
from minibank.core.errors import NotFound
from minibank.customers.people import change_person, reset_password, sign_out
from minibank.db import Database, ReadTx
from minibank.identity import store
from minibank.identity.passwords import hash_password
from minibank.identity.store import User
from minibank.identity.users import NewUser, UserChanges, create_user, find_user_by_email
from minibank.oauth.tokens import TokenRules
from minibank.settings import Loaded
from minibank.settings.sources import PASSWORD_VARIABLE

app = typer.Typer(
    help="People: create, list, show, change, set a password, sign out, export, erase.",
    no_args_is_help=True,
)

Who = Annotated[str, typer.Argument(metavar="USER", help="A user's id or e-mail address.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


async def find_person(tx: ReadTx, who: str) -> User:
    """The user with this id or e-mail address; `NotFound` when there is none."""
    user = await (find_user_by_email(tx, who) if "@" in who else store.find_user(tx, who))
    if user is None:
        raise NotFound("user", f"there is no user {who}")
    return user


def read_password(*, from_stdin: bool) -> str:
    """A new password: from standard input, from MINIBANK_PASSWORD, or asked for twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if not sys.stdin.isatty():
        raise CommandFailed(
            f"no password: give it with --password-stdin or in {PASSWORD_VARIABLE}", status=FAILED
        )
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _facts(user: User) -> dict[str, str]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "first name": user.preferred_first_name,
        "created": day(user.created_at),
    }


@app.command("create")
@for_a_bank
def create(
    loaded: Loaded,
    email: Annotated[str, typer.Option("--email", help="E-mail address; nobody else's.")],
    name: Annotated[str, typer.Option("--name", help="The full name.")],
    first_name: Annotated[
        str, typer.Option("--first-name", help="How to address them, if not the first word.")
    ] = "",
    password_stdin: FromStdin = False,
    as_json: JsonFlag = False,
) -> None:
    """Create a person.

    The password is asked for, or comes from standard input or from MINIBANK_PASSWORD.

    Examples:

      minibank user create --email ada@example.com --name "Ada Lovelace"
    """
    password_hash = asyncio.run(hash_password(read_password(from_stdin=password_stdin)))
    new = NewUser(
        email=email, name=name, preferred_first_name=first_name, password_hash=password_hash
    )

    async def work(db: Database) -> User:
        # Drawn here, so that a unit of work that runs again finds its own user.
        user_id = db.ids.new("user", db.ids.shard(), db.clock.now())
        drawn = msgspec.structs.replace(new, id=user_id)
        return await db.transact(lambda tx: create_user(tx, drawn))

    user = in_books(loaded, work)
    print_json(user) if as_json else print_facts(_facts(user))


@app.command("list")
@for_a_bank
def list_(loaded: Loaded, limit: LimitFlag = LIMIT, as_json: JsonFlag = False) -> None:
    """List people, in no particular order."""

    listing = in_books(loaded, lambda db: db.read(lambda tx: list_users(tx, limit)))
    rows = [(user.id, user.email, user.name) for user in listing]
    print_listing(("id", "email", "name"), rows, listing, limit, as_json=as_json)


@app.command("show")
@for_a_bank
def show(loaded: Loaded, user: Who, as_json: JsonFlag = False) -> None:
    """Show one person."""

    async def work(db: Database) -> User:
        return await db.read(lambda tx: find_person(tx, user))

    found = in_books(loaded, work)
    print_json(found) if as_json else print_facts(_facts(found))


@app.command("set-password")
@for_a_bank
def set_password(loaded: Loaded, user: Who, password_stdin: FromStdin = False) -> None:
    """Set a new password, and end all tokens of this person at once.

    Examples:

      minibank user set-password ada@example.com
    """
    password_hash = asyncio.run(hash_password(read_password(from_stdin=password_stdin)))

    rules = TokenRules.from_settings(loaded.settings)

    async def work(db: Database) -> User:
        found = await db.read(lambda tx: find_person(tx, user))

        await db.transact(lambda tx: reset_password(tx, found.id, password_hash, rules))
        return found

    found = in_books(loaded, work)
    console().print(f"{found.email} has a new password; all their tokens have ended.")


@app.command("change")
@for_a_bank
def change(
    loaded: Loaded,
    user: Who,
    email: Annotated[str | None, typer.Option("--email", help="Another e-mail address.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Another full name.")] = None,
    first_name: Annotated[
        str | None, typer.Option("--first-name", help="How to address them from now on.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a person's e-mail address or name, also where their accounts show it.

    Examples:

      minibank user change ada@example.com --email ada.king@example.com --name "Ada King"
    """
    said = {"email": email, "name": name, "preferred_first_name": first_name}
    changes = UserChanges(**{key: value for key, value in said.items() if value is not None})

    async def work(db: Database) -> User:
        found = await db.read(lambda tx: find_person(tx, user))
        return await db.transact(lambda tx: change_person(tx, found.id, changes))

    changed = in_books(loaded, work)
    print_json(changed) if as_json else print_facts(_facts(changed))


@app.command("sign-out")
@for_a_bank
def sign_out_(loaded: Loaded, user: Who) -> None:
    """End all tokens of a person, with every client, at once.

    Examples:

      minibank user sign-out ada@example.com
    """
    rules = TokenRules.from_settings(loaded.settings)

    async def work(db: Database) -> int:
        found = await db.read(lambda tx: find_person(tx, user))
        return await db.transact(lambda tx: sign_out(tx, found.id, rules))

    ended = in_books(loaded, work)
    console().print(f"{ended} pair{'' if ended == 1 else 's'} of tokens ended.")
