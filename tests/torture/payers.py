"""Those who pay: the load that a bank bears while it is stopped and killed."""

import asyncio
from random import Random

import httpx
import msgspec

from minibank.payments.commands import Command, Outcome
from tests.support.traffic import Traffic
from tests.torture.bank import TorturedBank
from tests.torture.journal import Entry, Journal
from tests.torture.people import People
from tests.torture.wire import NotSent, Refused, Unclear, ask, new_client

PAYERS = 6
REPEATS = 0.5
"""How many of those who hear nothing ask again at once; the others wait until all is over."""
LONG, SHORT = 24 * 3600, 1
"""How long authorisations hold: some until after the round, some until within it."""


class Payers:
    """Sends commands of every kind until told to stop, and keeps the journal."""

    def __init__(self, bank: TorturedBank, people: People, seed: int) -> None:
        self.journal = Journal()
        self.answers = 0
        self._bank = bank
        self._random = Random(seed)
        self._traffic = Traffic(people.holders, seed, hold_seconds=(LONG, SHORT), pots=people.pots)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Pay until `stop`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(PAYERS):
                group.create_task(self._pay())

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def _pay(self) -> None:
        async with new_client() as client:
            while not self._stopping.is_set():
                await self._insist(client, self.journal.entry(self._traffic.draw()))

    async def _insist(self, client: httpx.AsyncClient, entry: Entry) -> None:
        """Send a command, perhaps until it is answered."""
        while not self._stopping.is_set():
            try:
                await self.send(client, entry)
            except NotSent:
                await asyncio.sleep(0.05)
            except Unclear:
                if self._random.random() > REPEATS:
                    return
            else:
                return

    async def send(self, client: httpx.AsyncClient, entry: Entry) -> Outcome | Refused:
        """Send a command once and note what came of it; raises `Unclear` and `NotSent`."""
        try:
            said = await send_command(client, self._bank.url, entry.command)
        except Unclear:
            entry.unclear += 1
            raise
        except Refused as refused:
            entry.refused(refused.code)
            return refused
        entry.answered(said)
        self.answers += 1
        if said.authorisation_id:
            self._traffic.learn(entry.command.account_id, said.authorisation_id)
        return said


async def send_command(client: httpx.AsyncClient, url: str, command: Command) -> Outcome:
    """Send a command to a bank."""
    form = {"command": msgspec.json.encode(command).decode()}
    return msgspec.convert(await ask(client, "POST", f"{url}/commands", data=form), Outcome)
