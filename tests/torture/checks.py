"""What must be true of a bank once it runs again after its accidents."""

import asyncio
import time

import httpx

from minibank.payments.commands import Command, Outcome, TransferBetween
from tests.support.banking import Orders
from tests.torture.bank import TorturedBank
from tests.torture.journal import Broken, Entry, Journal, Key, key_of
from tests.torture.model import Answered, booked_by, held_by, set_aside_by, transactions_by
from tests.torture.payers import Payers, send_command
from tests.torture.people import People
from tests.torture.rows import Rows, read_rows
from tests.torture.sessions import Session, bearer
from tests.torture.wire import NotSent, Refused, Unclear, ask, new_client

DUE_SECONDS = 100
"""When everything that fell due must be done: what met a database that was away waits a minute."""
TRIES = 20


class Checks:
    """Holds a bank against what its clients remember."""

    def __init__(self, bank: TorturedBank, people: People, payers: Payers) -> None:
        self._bank = bank
        self._people = people
        self._payers = payers
        self._journal: Journal = payers.journal
        self._later = Orders("later")
        self._answered: list[Answered] = []

    async def run(self, sessions: list[Session]) -> None:
        """All of them, in an order in which each begins from what is known by then."""
        async with new_client() as client:
            await self._bank.until_ready(client)
            self._compare_outcomes(await read_rows(self._bank.database))
            await self._pay_on(client)
            await self._ask_again(client)
            for session in sessions:
                await self._compare_tokens(client, session)
        rows = await self._when_nothing_is_due()
        self._compare_outcomes(rows)
        self._compare_money(rows)
        for session in sessions:
            compare_notes(rows, session)

    def _compare_outcomes(self, rows: Rows) -> None:
        """What was answered is there, what was refused is not, and there is nothing else."""
        known: set[Key] = set()
        for key, entry in self._journal.entries.items():
            found = rows.outcomes.get(key)
            if entry.outcome not in (None, found):
                raise Broken(f"{entry.command}: answered {entry.outcome}, kept {found}")
            if found is not None and entry.outcome is None and not entry.unclear:
                raise Broken(f"{entry.command}: never answered with a yes, kept {found}")
            if found is not None:
                known |= keys_made_by(entry.command, found)
        issuers = {issuer for _, issuer, _ in self._journal.entries}
        strange = {key for key in rows.outcomes if key[1] in issuers} - known
        missing = known - rows.outcomes.keys()
        if strange or missing:
            raise Broken(f"outcomes that nobody asked for: {strange}; halves: {missing}")

    async def _pay_on(self, client: httpx.AsyncClient) -> None:
        """Nothing that the dead have left holds up a new payment on any account."""
        for holder in self._people.holders:
            command = self._later.top_up(holder, 1)
            try:
                outcome = await send_command(client, self._bank.url, command)
            except (Unclear, NotSent, Refused) as error:
                raise Broken(f"{command}: {error!r} after all was over") from error
            self._answered.append((command, outcome))

    async def _ask_again(self, client: httpx.AsyncClient) -> None:
        """Every command is answered as before, and those without an answer get one."""
        for entry in self._journal.entries.values():
            if entry.outcome is not None or entry.unclear:
                for _ in range(2):
                    await self._insist(client, entry)
            if entry.outcome is not None:
                self._answered.append((entry.command, entry.outcome))

    async def _insist(self, client: httpx.AsyncClient, entry: Entry) -> None:
        for _ in range(TRIES):
            try:
                await self._payers.send(client, entry)
            except (Unclear, NotSent):
                await asyncio.sleep(0.2)
            else:
                return
        raise Broken(f"{entry.command}: no answer after all was over")

    async def _compare_tokens(self, client: httpx.AsyncClient, session: Session) -> None:
        """A token that was given works, and one that was taken away does not."""
        tokens = session.tokens
        if tokens.works:
            await self._who_is(client, tokens.live)
        for token in tokens.ended:
            try:
                await self._who_is(client, token)
            except Refused as refused:
                if refused.status == 401:
                    continue
                raise Broken(f"a token that was taken away: {refused}") from refused
            raise Broken("a token that was taken away works")

    async def _who_is(self, client: httpx.AsyncClient, token: str) -> None:
        await ask(client, "GET", f"{self._bank.url}/ping/whoami", headers=bearer(token))

    async def _when_nothing_is_due(self) -> Rows:
        """The rows once everything that falls due soon is done."""
        deadline = time.monotonic() + DUE_SECONDS
        while (rows := await read_rows(self._bank.database)).due:
            if time.monotonic() > deadline:
                raise Broken(f"{rows.due} pieces of due work are not done")
            await asyncio.sleep(0.2)
        return rows

    def _compare_money(self, rows: Rows) -> None:
        """Everybody has what came less what went, and holds what is not over; no more, no less."""
        booked, held = booked_by(self._answered), held_by(self._answered)
        expected = {
            one.account_id: (self._people.funds + booked[one.account_id], held[one.account_id])
            for one in self._people.holders
        }
        if expected != rows.balances:
            raise Broken(f"balances are {rows.balances}, and must be {expected}")
        aside = set_aside_by(self._answered)
        in_pots = {one.account_id: aside[one.account_id] for one in self._people.holders}
        if in_pots != rows.pots:
            raise Broken(f"pots hold {rows.pots}, and must hold {in_pots}")
        wanted = transactions_by(self._answered).union(*self._people.transactions)
        if wanted != rows.transactions.keys():
            raise Broken(f"transactions: {wanted ^ rows.transactions.keys()}")


def keys_made_by(command: Command, outcome: Outcome) -> set[Key]:
    """The outcomes that a command leaves: a transfer leaves one with each customer."""
    made = {key_of(command)}
    if isinstance(command, TransferBetween) and outcome.status == "done":
        credit = f"{command.account_id}/{command.id}/credit"
        made.add((command.payee_account_id, command.issuer, credit))
    return made


def compare_notes(rows: Rows, session: Session) -> None:
    """What was written is there, and nothing that was not."""
    for transaction, notes in session.notes.items():
        found = rows.annotations.get((transaction, session.app.id), {})
        missing = notes.certain.items() - found.items()
        strange = found.items() - notes.certain.items() - notes.perhaps.items()
        if missing or strange:
            raise Broken(f"annotations of {transaction}: lost {missing}, strange {strange}")
