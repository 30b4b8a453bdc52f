"""Somebody who pays until there is no room left, and looks what can still be done then."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from minibank.payments.commands import TopUp
from tests.support.banking import Holder, Orders
from tests.support.people import PASSWORD
from tests.torture.bank import TorturedBank
from tests.torture.payers import send_command
from tests.torture.people import People
from tests.torture.rows import read_rows
from tests.torture.sessions import bearer
from tests.torture.wire import Unclear, ask

WORDS = "x" * 4000
TRIES_MAX = 500

NOTES = 15


class Till:
    """Somebody who pays into one account, with a token to look at it."""

    def __init__(self, bank: TorturedBank, people: People, client: httpx.AsyncClient) -> None:
        self._bank, self._people, self._client = bank, people, client
        self._orders = Orders("till")
        self._token = ""
        self._annotations = itertools.count(1)
        self.answered: list[TopUp] = []
        self.unanswered: list[TopUp] = []

    @property
    def _holder(self) -> Holder:
        return self._people.holders[0]

    async def sign_in(self) -> None:
        """Get a token while the bank can write."""
        form = {"grant_type": "password", "password": PASSWORD, "username": self._people.emails[0]}
        form |= self._people.apps[0].credentials()
        said = await ask(self._client, "POST", f"{self._bank.url}/oauth2/token", data=form)
        self._token = said["access_token"]

    async def pay(self) -> None:
        """Pay a penny with a lot of words, which take room."""
        command = self._orders.top_up(self._holder, 1, description=WORDS)
        self.unanswered.append(command)
        await send_command(self._client, self._bank.url, command)
        self.answered.append(self.unanswered.pop())

    async def pay_until_refused(self) -> str:
        """Pay until the bank cannot; what it says then."""
        for _ in range(5000):
            try:
                await self.pay()
            except Unclear as refused:
                return str(refused)
        raise AssertionError("there is room without end")

    async def read(self) -> int:
        """The balance, as a customer reads it."""
        url = f"{self._bank.url}/balance"
        found = await ask(
            self._client,
            "GET",
            url,
            headers=bearer(self._token),
            params={"account_id": self._holder.account_id},
        )
        return int(found["balance"])

    async def annotate(self, value: str) -> Any:
        """Write a lot on the first transaction, each time something else.

        What changes nothing writes nothing, and would never find the disk full.
        """
        transaction = self._people.transactions[0][0]
        url = f"{self._bank.url}/transactions/{transaction}"
        count = next(self._annotations)
        form = {f"metadata[{number}]": f"{value * 100} {count}" for number in range(NOTES)}
        return await ask(self._client, "PATCH", url, headers=bearer(self._token), data=form)

    async def readiness(self) -> tuple[int, str]:
        """What the bank says of itself to whoever looks after it."""
        answer = await self._client.get(f"{self._bank.url}/readyz")
        return answer.status_code, answer.json().get("code", "")

    async def settle(self) -> None:
        """Pay again what was not answered: it moves money once, whatever became of it before."""
        while self.unanswered:
            await send_command(self._client, self._bank.url, self.unanswered[-1])
            self.answered.append(self.unanswered.pop())

    async def require_nothing_lost(self, database: str) -> None:
        """Every payment that was answered is there, and the balance is their sum."""
        rows = await read_rows(database)
        kept = {one for _, issuer, one in rows.outcomes if issuer == "till"}
        assert {one.id for one in self.answered} == kept
        booked, _ = rows.balances[self._holder.account_id]
        assert booked == self._people.funds + len(self.answered) == await self.read()

    async def refusal(self, write: Callable[[], Awaitable[object]]) -> str:
        """The code that a write is refused with for now.

        What is small may find room where a payment found none, so it is tried until it finds none.
        """
        try:
            for _ in range(TRIES_MAX):
                await write()
        except Unclear as refused:
            return str(refused)
        raise AssertionError("it was written")
