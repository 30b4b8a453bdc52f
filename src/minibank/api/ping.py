"""Is anybody there, and who am I?"""

from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Call, Edge, Request
from minibank.db import ReadTx


async def ping(edge: Edge, request: Request) -> Answer:
    """GET /ping"""
    return answer_json({"ping": "pong"})


async def whoami(tx: ReadTx, call: Call) -> object:
    """GET /ping/whoami: the client and the user that the token stands for."""
    return {
        "authenticated": True,
        "client_id": call.caller.client_id,
        "user_id": call.caller.user_id,
    }
