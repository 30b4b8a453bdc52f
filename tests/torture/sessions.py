"""People who sign in, annotate and log out while the bank is stopped and killed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import httpx

from tests.support.people import PASSWORD, App
from tests.torture.bank import TorturedBank
from tests.torture.journal import Broken
from tests.torture.people import FIRST_TRANSACTIONS, People
from tests.torture.wire import NotSent, Refused, Unclear, ask, new_client

AT_ONCE = 2
NOTES = 3
"""How many annotations a person makes with one access token."""
NOTES_MAX = 90 * FIRST_TRANSACTIONS
"""How many one program makes for one person: each under a key of its own, which are limited."""


@dataclass(slots=True)
class Tokens:
    """What one program was given for one person, and what must be true of it.

    `live` works unless `doubtful`: somebody asked for a change of the tokens and never heard what
    became of it. None of `ended` works.
    """

    live: str = ""
    refresh: str = ""
    ended: list[str] = field(default_factory=list)
    doubtful: bool = False

    @property
    def works(self) -> bool:
        """Whether the live token certainly does."""
        return bool(self.live) and not self.doubtful


@dataclass(slots=True)
class Notes:
    """What one program wrote on one transaction, by key: certainly, and perhaps."""

    certain: dict[str, str] = field(default_factory=dict)
    perhaps: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """One program that acts for one person; `person` is the place in the list of holders."""

    app: App
    person: int
    tokens: Tokens = field(default_factory=Tokens)
    notes: dict[str, Notes] = field(default_factory=lambda: defaultdict(Notes))
    written: int = 0


class Sessions:
    """Each program serves one person until something about its tokens is in doubt."""

    def __init__(self, bank: TorturedBank, people: People, seed: int) -> None:
        self._bank = bank
        self._people = people
        self._random = Random(f"sessions {seed}")
        self._pairs: Iterator[tuple[App, int]] = iter(
            [(app, person) for person in range(len(people.holders)) for app in people.apps]
        )
        self._stopping = asyncio.Event()
        self.all: list[Session] = []

    async def run(self) -> None:
        """Sign in, annotate and log out until `stop`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._live())

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def _live(self) -> None:
        async with new_client() as client:
            for app, person in self._pairs:
                session = Session(app, person)
                self.all.append(session)
                await self._use(client, session)
                if self._stopping.is_set():
                    return

    async def _use(self, client: httpx.AsyncClient, session: Session) -> None:
        """One program and one person, until their tokens are in doubt or nobody goes on."""
        while (
            not (session.tokens.doubtful or self._stopping.is_set()) and session.written < NOTES_MAX
        ):
            try:
                await self._change_tokens(client, session)
                for _ in range(NOTES if session.tokens.works else 0):
                    await self._annotate(client, session)
            except NotSent:
                await asyncio.sleep(0.05)
            except Refused as refused:
                raise Broken(f"{session.app.id}: {refused}") from refused

    async def _change_tokens(self, client: httpx.AsyncClient, session: Session) -> None:
        """Sign in, refresh or log out."""
        tokens = session.tokens
        try:
            if not tokens.live:
                await self._grant(client, session, self._password_of(session.person))
            elif self._random.random() < 0.5:
                refresh = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
                await self._grant(client, session, refresh)
            else:
                url = f"{self._bank.url}/oauth2/logout"
                await ask(client, "POST", url, headers=bearer(tokens.live))
                tokens.ended.append(tokens.live)
                tokens.live = ""
        except Unclear:
            tokens.doubtful = True

    def _password_of(self, person: int) -> dict[str, str]:
        email = self._people.emails[person]
        return {"grant_type": "password", "username": email, "password": PASSWORD}

    async def _grant(
        self, client: httpx.AsyncClient, session: Session, grant: dict[str, str]
    ) -> None:
        url = f"{self._bank.url}/oauth2/token"
        tokens = session.tokens
        said = await ask(client, "POST", url, data=session.app.credentials() | grant)
        if tokens.live:
            tokens.ended.append(tokens.live)
        tokens.live, tokens.refresh = said["access_token"], said["refresh_token"]

    async def _annotate(self, client: httpx.AsyncClient, session: Session) -> None:
        """Write under a new key on one of the person's first transactions."""
        session.written += 1
        transactions = self._people.transactions[session.person]
        transaction = transactions[session.written % len(transactions)]
        notes = session.notes[transaction]
        key, value = f"note-{session.written}", f"written {session.written}"
        try:
            await ask(
                client,
                "PATCH",
                f"{self._bank.url}/transactions/{transaction}",
                headers=bearer(session.tokens.live),
                data={f"metadata[{key}]": value},
            )
        except Unclear:
            notes.perhaps[key] = value
        else:
            notes.certain[key] = value


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
