"""A bank for programs that make up requests, many of them in one event loop."""

import asyncio

from minibank.accounts.opening import issue_card
from minibank.api import Api, build_api
from minibank.core.clock import FakeClock
from minibank.db import Database, open_database
from minibank.operators.records import SCOPES
from minibank.payments.engine import Engine
from tests.support.asgi import RawAnswer, RawRequest, ask
from tests.support.banking import Holder
from tests.support.callers import SETTINGS, add_account, add_client, add_token, add_user
from tests.support.histories import merchant, put, transaction
from tests.support.operators import add_key
from tests.support.outbox import listen, post_item, reader_of

NOON = 1_773_144_000_000_000
STATUSES = {200, 304, 400, 401, 403, 404, 405, 409, 412, 413}


class Bench:
    """A bank with one of each thing, in an event loop that lives as long as the examples do."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self.run = self._loop.run_until_complete
        self._db: Database = self.run(open_database(url, clock=FakeClock(NOON)))
        self.app: Api = build_api(self._db, Engine(self._db), SETTINGS)
        self.run(self._furnish())

    async def _furnish(self) -> None:
        self._ada = await add_user(self._db, "ada@example.com", "Ada Example")
        self._client = (await add_client(self._db)).client
        self.account_id = (await add_account(self._db, self._ada)).id
        deli = merchant()
        row = transaction(self.account_id, NOON - 1, merchant_id=deli.id)
        await put(self._db, [row], [deli])
        self.transaction_id = row.id
        holder = Holder(self.account_id, "", (self._ada.id,))
        card = await self._db.transact(lambda tx: issue_card(tx, self.account_id, self._ada.id))
        self.card_id = card.id
        self.item_id = await post_item(self._db, reader_of(holder, self._client.id))
        self.webhook_id = (await listen(self._db, self._client.id, holder)).id
        self.token = await add_token(self._db, self._client, self._ada)
        _, self.operator_key = await add_key(self._db, *SCOPES)

    def token_for(self, path: str) -> str:
        """Who may use this path: the client, or an operator."""
        return self.operator_key if path.startswith("/operator/") else self.token

    def renew_token(self) -> None:
        """A token in place of one that was logged out."""
        self.token = self.run(add_token(self._db, self._client, self._ada))

    def ask(self, request: RawRequest) -> RawAnswer:
        """The answer to a request, when it is one that may be given."""
        answer: RawAnswer = self.run(ask(self.app, request))
        assert answer.status in STATUSES, answer
        assert len(answer.headers["x-request-id"]) == 32
        if request.method.upper() == "HEAD" or answer.status == 304:
            assert answer.body == b""
        elif answer.headers["content-type"] == "application/json":
            body = answer.json()
            assert answer.status == 200 or {"code", "message", "params"} <= body.keys()
        return answer

    def close(self) -> None:
        """Close the database and the event loop."""
        self.run(self._db.close())
        self._loop.close()
