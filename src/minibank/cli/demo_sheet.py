"""What the demo shows when it is ready: address, people, and four commands to paste."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from minibank.cli.trust import how_to_trust
from minibank.sandbox.demo import DemoInfo, DemoUser

_KINDS = {"uk_retail": "own", "uk_retail_joint": "joint"}


def commands(base_url: str, known: DemoInfo, since: str) -> list[tuple[str, str]]:
    """Four commands for a POSIX shell, each with what it is for; to be pasted in this order.

    `since` is the day from which transactions are shown: the first ones ever are a year old.
    """
    user = known.users[0]
    account = user.accounts[0].id
    bearer = 'curl -s -H "Authorization: Bearer $TOKEN"'
    return [
        (
            f"Sign in for {user.name} and keep the token",
            f"TOKEN=$(curl -s {base_url}/oauth2/token \\\n"
            "  -d grant_type=password \\\n"
            f"  -d client_id={known.client_id} \\\n"
            f"  -d client_secret={known.client_secret} \\\n"
            f"  -d username={user.email} \\\n"
            f"  -d password={user.password} \\\n"
            """  | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')""",
        ),
        ("Who am I?", f"{bearer} \\\n  {base_url}/ping/whoami"),
        (
            "How much money is there?",
            f'{bearer} \\\n  "{base_url}/balance?account_id={account}"',
        ),
        (
            "What was it spent on lately?",
            f"{bearer} -G \\\n"
            f"  -d account_id={account} \\\n"
            f"  -d since={since} -d limit=3 -d 'expand[]=merchant' \\\n"
            f"  {base_url}/transactions",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What there is to show: where the bank answers and is kept, and who is in it."""

    base_url: str
    place: str
    known: DemoInfo
    since: str
    ca: Path | None = None
    """The certificate to trust, when the bank made its own."""


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print it all; no line that is to be copied is ever wrapped."""
    base_url, place, known = sheet.base_url, sheet.place, sheet.known
    console.print()
    console.print(Text.assemble(("minibank", "bold"), " is a bank at ", (base_url, "bold cyan")))
    console.print(Text(f"kept in {place}; Ctrl-C stops it, the next start goes on with it", "dim"))
    console.print()
    console.print(_people(known.users))
    console.print()
    for name, value in (
        ("client_id", known.client_id),
        ("client_secret", known.client_secret),
        ("redirect_uri", known.redirect_uri),
        ("operator_key", known.operator_key),
    ):
        console.print(Text.assemble((f"{name:<15}", "bold"), value), soft_wrap=True)
    if sheet.ca:
        console.print()
        console.print(Text(how_to_trust(sheet.ca), "green"), soft_wrap=True)
    for title, command in commands(base_url, known, sheet.since):
        console.print()
        console.print(Text(f"# {title}", "dim"))
        console.print(Text(command, "green"), soft_wrap=True)
    console.print()


def _people(users: tuple[DemoUser, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("person", "e-mail", "password", "accounts"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"e-mail", "password"})
    for user in users:
        kinds = ", ".join(_KINDS.get(one.type, one.type) for one in user.accounts)
        table.add_row(user.name, user.email, user.password, kinds)
    return table
