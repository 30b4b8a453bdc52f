"""The bank with one more endpoint: a card payment by HTTP, for measuring what payments cost.

It goes through all that every request goes through, except for the caller: whoever reaches the
endpoint is taken for the card scheme. It is therefore no part of the product.
"""

import msgspec

from minibank.api import Api
from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Edge, Request
from minibank.api.routes import ROUTES
from minibank.api.routing import Route, Table
from minibank.app.bank import Bank
from minibank.core.errors import MissingParam
from minibank.payments.commands import AuthoriseCard

PAYMENTS = "/payments"
COUNTERS = "/counters"


class Counters(msgspec.Struct, frozen=True):
    """What the engine of one server process has done since it started."""

    commands: int
    commits: int


async def pay(edge: Edge, request: Request) -> Answer:
    """POST /payments: ask for a card payment; 409 when it is declined."""
    params = request.params
    amount = params.integer("amount")
    if amount is None:
        raise MissingParam("amount")
    outcome = await edge.engine.execute(
        AuthoriseCard(
            issuer="scheme",
            account_id=params.require_text("account_id"),
            id=params.require_text("id"),
            card_id=params.require_text("card_id"),
            amount=amount,
            description=params.require_text("description"),
            merchant_id=params.text("merchant_id"),
        )
    )
    return answer_json(outcome, 200 if outcome.status == "done" else 409)


async def read_counters(edge: Edge, request: Request) -> Answer:
    """GET /counters"""
    counters = edge.engine.counters
    return answer_json(Counters(counters.commands, counters.commits))


def build_write_app(bank: Bank) -> Api:
    """The API of a bank, and card payments."""
    more = (Route("POST", PAYMENTS, pay), Route("GET", COUNTERS, read_counters))
    return Api(Edge(bank.db, bank.engine, bank.settings), Table((*ROUTES, *more)))
