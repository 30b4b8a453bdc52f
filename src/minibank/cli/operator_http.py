"""Requests to the operator API of a bank that serves."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from minibank.cli.common import FAILED, CommandFailed, harmless

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=300)
JSON = "application/json"


class Target(Struct, frozen=True):
    """Which bank is asked, with which key; `ca` is a certificate to trust besides known ones."""

    url: str
    key: str
    ca: Path | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """A request: `body` is sent as it is, as `media`."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None
    media: str = JSON


def ask(target: Target, asked: Asked, take: Callable[[bytes], None]) -> Any | None:  # noqa: ANN401
    """The answer when it is JSON; anything else is given to `take`, a part at a time.

    `CommandFailed` with the bank's own words when it refuses, and when it cannot be reached.
    """
    return asyncio.run(_ask(target, asked, take))


async def _ask(target: Target, asked: Asked, take: Callable[[bytes], None]) -> Any | None:  # noqa: ANN401
    headers = {"Authorization": f"Bearer {target.key}", **asked.headers}
    if asked.body is not None:
        headers["Content-Type"] = asked.media
    trust = ssl.create_default_context(cafile=str(target.ca)) if target.ca else True
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as session,
            session.request(
                asked.method,
                target.url.rstrip("/") + asked.path,
                params=dict(asked.query),
                data=asked.body,
                headers=headers,
                allow_redirects=False,
                ssl=trust,
            ) as answer,
        ):
            if answer.content_type == JSON:
                return _value(answer.status, await answer.read())
            if answer.status != 200:
                raise CommandFailed(f"{target.url} answers {answer.status}", FAILED)
            async for part in _parts(answer):
                take(part)
            return None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise CommandFailed(f"{target.url} does not answer: {error}", FAILED) from error


async def _parts(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for part in answer.content.iter_any():
        yield part


def _value(status: int, body: bytes) -> Any:  # noqa: ANN401 - any JSON
    value = msgspec.json.decode(body)
    if status != 200:
        code, message = value.get("code", status), value.get("message", "")
        raise CommandFailed(harmless(f"{message} ({code})"))
    return value
