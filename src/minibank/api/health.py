"""For whoever looks after the process: is it alive, can it work?"""

import asyncio

from minibank.api.answers import RETRY_SECONDS, Answer, answer_json
from minibank.api.catalogue import NO_DATABASE, NO_WRITES, SHUTTING_DOWN
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Ok, Operation
from minibank.core.errors import Unavailable
from minibank.db.migrate import require_current, require_writable

READY_SECONDS = 2
"""How long the database may take to answer before the process counts as not ready."""

HEALTHZ = Operation(
    tag="Service",
    summary="Does the process answer?",
    description="Whatever state its database is in: restart the process when this fails.",
    answers=Ok,
    public=True,
)
READYZ = Operation(
    tag="Service",
    summary="Can the process work?",
    description=(
        "Its database answers, has the right schema and takes writes, and the process is not about"
        " to stop: send requests while this holds. After a write that met a full or read-only disk"
        " it writes, to see when that is over."
    ),
    answers=Ok,
    public=True,
    refuses=(NO_DATABASE, NO_WRITES, SHUTTING_DOWN),
)


async def healthz(edge: Edge, request: Request) -> Answer:
    """GET /healthz: the process answers, whatever state its database is in."""
    return answer_json(Ok())


async def readyz(edge: Edge, request: Request) -> Answer:
    """GET /readyz: the database answers too, with the schema this code needs, and takes writes."""
    if edge.watch.draining:
        raise Unavailable(SHUTTING_DOWN, "The bank is shutting down", retry_after=RETRY_SECONDS)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await require_current(edge.db)
            await require_writable(edge.db)
    except TimeoutError:
        raise Unavailable("unavailable.database", "The database does not answer") from None
    return answer_json(Ok())
