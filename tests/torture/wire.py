"""One request of a client, and what the client knows afterwards."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.torture.journal import Broken

ANSWER_SECONDS = 5.0
"""How long a client waits for an answer before it gives up."""


class Unclear(Exception):
    """No answer came, or one that says: perhaps. The request may have been carried out."""


class NotSent(Exception):
    """Nobody listens: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A clear no, by its code."""

    status: int
    code: str


def new_client() -> httpx.AsyncClient:
    """Whoever asks over connections that are kept open, as programs do."""
    return httpx.AsyncClient(timeout=ANSWER_SECONDS)


async def ask(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> Any:
    """Ask and return the answer's JSON; raises `Unclear`, `NotSent` or `Refused`.

    A fault of the bank, or words that are no JSON of ours, are a broken word: whatever happens to
    the machines, no client is answered nonsense.
    """
    try:
        answer = await client.request(method, url, **more)
    except httpx.ConnectError as error:
        raise NotSent from error
    except httpx.HTTPError as error:
        raise Unclear(type(error).__name__) from error
    try:
        said = answer.json()
    except ValueError as error:
        raise Broken(f"{method} {url}: {answer.status_code} {answer.text!r}") from error
    if answer.status_code < 300:
        return said
    code = said.get("code", "")
    if answer.status_code == 503 and code.startswith("unavailable."):
        raise Unclear(code)
    if answer.status_code >= 500 and answer.status_code != 504:
        raise Broken(f"{method} {url}: {answer.status_code} {said}")
    raise Refused(answer.status_code, code)
