"""Python reads this at its start when the directory is on its path: the bank has one endpoint more.

So a real `minibank serve`, with all its processes, executes commands of every kind by HTTP. Whoever
reaches the endpoint is taken for whoever vouches for the command; it is no part of the product.
"""

import msgspec

from minibank import api
from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Edge, Request
from minibank.api.routes import ROUTES
from minibank.api.routing import Route
from minibank.payments.commands import AnyCommand

_DECODER = msgspec.json.Decoder(AnyCommand)


async def execute(edge: Edge, request: Request) -> Answer:
    """POST /commands: execute the command that the field `command` holds as JSON."""
    command = _DECODER.decode(request.params.require_text("command"))
    return answer_json(await edge.engine.execute(command))


vars(api)["ROUTES"] = (*ROUTES, Route("POST", "/commands", execute))
