"""Readiness when the database says nothing at all."""

import asyncio
from typing import Any, cast

import pytest

from minibank.api.endpoint import Edge, Request
from minibank.api.health import READY_SECONDS, readyz
from minibank.core.errors import Unavailable


class SilentDatabase:
    """A database that never answers."""

    async def schema_version(self) -> int:
        await asyncio.Event().wait()
        raise AssertionError("the event is never set")


async def test_a_database_that_does_not_answer_in_time_is_not_ready():
    edge = Edge(cast(Any, SilentDatabase()), cast(Any, None), cast(Any, None))
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await readyz(edge, cast(Request, None))
    assert asyncio.get_running_loop().time() - began < READY_SECONDS + 1
