"""What goes back: bodies, statuses and the headers that every answer carries."""

from collections.abc import AsyncIterable
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from minibank.api.catalogue import NO_WRITES
from minibank.core.errors import BankError, InternalService, Unavailable
from minibank.db import DatabaseUnavailable, LostRace
from minibank.db.errors import SchemaTooNew, SchemaTooOld, StorageFull, TakesNoWrites, TookTooLong

Headers = list[tuple[bytes, bytes]]

RETRY_SECONDS = 1
"""After how long a client may try again when the database was busy or away."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_AWAY = (DatabaseUnavailable, LostRace, SchemaTooNew, SchemaTooOld, TookTooLong)
_JSON: Headers = [
    # Bare: there are clients that compare the whole value, and a charset would break them.
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, except for the headers that belong to the request (ids, origins).

    One with a `stream` has no body: it stays open, and its parts go out as they come. An empty part
    says that there is nothing yet. Of one that `is_sized` the headers say how long its body is.
    """

    status: int
    body: bytes
    headers: Headers = msgspec.field(default_factory=lambda: _JSON)
    stream: AsyncIterable[bytes] | None = None
    is_sized: bool = False


class Refused(msgspec.Struct):
    """Why a request was refused."""

    code: str
    message: Annotated[str, Meta(description="For people; its words may change.")]
    params: Annotated[dict[str, str], Meta(description="What may help a program.")] = {}
    retryable: Annotated[dict[str, str], Meta(description="Kept for clients; empty.")] = {}
    error: Annotated[
        str | UnsetType, Meta(description="For OAuth libraries (RFC 6749, RFC 6750).")
    ] = UNSET
    error_description: Annotated[str | UnsetType, Meta(description="The message again.")] = UNSET


def answer_json(value: object, status: int = 200) -> Answer:
    """A JSON answer with the newline at the end that Go's encoder writes."""
    return Answer(status, _ENCODER.encode(value) + b"\n")


def answer_error(error: BankError) -> Answer:
    """A refusal as the API documents it.

    A 401 always says `error` and `error_description` as well (RFC 6750): clients index them.
    """
    body = Refused(error.code, error.message, error.params)
    headers = list(_JSON)
    oauth_error = error.oauth_error or ("invalid_token" if error.status == 401 else None)
    if oauth_error:
        body.error, body.error_description = oauth_error, error.message
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    return Answer(error.status, _ENCODER.encode(body) + b"\n", headers)


def refusal_of(error: Exception) -> BankError:
    """What a caller is told of an error: its own words, or nothing about what is inside."""
    if isinstance(error, BankError):
        return error
    if isinstance(error, StorageFull | TakesNoWrites):
        return Unavailable(
            NO_WRITES,
            "The bank can write nothing just now, please try again later",
            retry_after=RETRY_SECONDS,
        )
    if isinstance(error, _AWAY):
        return Unavailable(
            "unavailable.database",
            "The bank cannot answer just now, please try again",
            retry_after=RETRY_SECONDS,
        )
    return InternalService()
