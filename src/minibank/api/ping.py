"""Is anybody there, and who am I?"""

from typing import Literal

from msgspec import Struct

from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Call, Edge, Request
from minibank.api.operation import Operation
from minibank.db import ReadTx


class Pong(Struct):
    """Yes."""

    ping: Literal["pong"] = "pong"


class Whoami(Struct):
    """Whom a token stands for."""

    authenticated: Literal[True]
    client_id: str
    user_id: str


PING = Operation(tag="Service", summary="Is anybody there?", answers=Pong, public=True)
WHOAMI = Operation(
    tag="OAuth 2.0", summary="Ask for the client and the user of a token", answers=Whoami
)


async def ping(edge: Edge, request: Request) -> Answer:
    """GET /ping"""
    return answer_json(Pong())


async def whoami(tx: ReadTx, call: Call) -> object:
    """GET /ping/whoami: the client and the user that the token stands for."""
    return Whoami(True, call.caller.client_id, call.caller.user_id)
