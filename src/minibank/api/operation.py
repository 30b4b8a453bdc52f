"""What an endpoint says of itself: it stands beside the resource and becomes the reference.

Parameters and answers are types; the words about a field stand at the field (`Meta`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec import field as wire_field

from minibank.operators.records import Scope

Tag = Literal[
    "OAuth 2.0",
    "Accounts",
    "Cards",
    "Transactions",
    "Receipts",
    "Attachments",
    "Pots",
    "Feed",
    "Webhooks",
    "Service",
]

OperatorTag = Literal["Movements", "Customers", "Books", "Service"]

Condition = Literal["If-Match", "If-None-Match"]

FILE = "application/octet-stream"
"""What a body is called that is a file of whichever form."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, as the reference tells of it.

    `takes` are its parameters, or `body` the type of the one JSON value that its body is (then the
    route's body is "bytes"), and `answers` the type of its answer (None: `media` says all there is
    to say). `path` describes the named segments, `refuses` the codes of the catalogue that do not
    follow from the rest. `public` needs no token. `conditions` are the headers by which a request
    may depend on a version; the answer then has an `ETag`, unless it is to a `DELETE`. `repeatable`
    requests may carry an `Idempotency-Key`. An endpoint for operators needs a key with one of its
    `scopes`, and what is `named` must carry an `Idempotency-Key`. With `sends` the body is a
    file of one of these media types (and the route's a "stream"); an answer with `ranges` may be of
    a part of one.
    """

    tag: Tag | OperatorTag
    summary: str
    answers: type | None
    description: str = ""
    takes: type[Struct] | None = None
    body: type[Struct] | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    refuses: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    repeatable: bool = False
    public: bool = False
    body_only: bool = False
    sends: tuple[str, ...] = ()
    ranges: bool = False
    media: str = "application/json"
    scopes: tuple[Scope, ...] = ()
    named: bool = False


# `Literal` says which texts, and not that they are texts.
_Expandable = Annotated[Literal["merchant"], Meta(extra_json_schema={"type": "string"})]


class Expansion(Struct, kw_only=True):
    """How to ask for whole merchants instead of their ids."""

    expand_many: Annotated[
        list[_Expandable] | UnsetType,
        Meta(description="`merchant` for the whole merchant instead of its id; may be repeated."),
    ] = wire_field(default=UNSET, name="expand[]")
    expand: Annotated[
        str | UnsetType,
        Meta(description="The same as one text, for clients that send `expand=merchant`."),
    ] = UNSET


class Ok(Struct):
    """It is done."""

    ok: Literal[True] = True


class Nothing(Struct):
    """It is done, and there is nothing to say."""
