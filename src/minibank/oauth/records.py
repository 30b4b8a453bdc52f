"""Clients and tokens as they are stored, and what an operator may choose for each client."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import msgspec

from minibank.oauth.secrets import Kind

Reason = Literal["evicted", "spent", "logged_out", "revoked"]
"""Why a token works no more."""

Grant = Literal["password", "refresh_token", "authorization_code"]

CONFIDENTIAL_GRANTS: tuple[Grant, ...] = ("password", "refresh_token", "authorization_code")
PUBLIC_GRANTS: tuple[Grant, ...] = ("authorization_code",)


class ClientOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where clients of different years need different answers.

    `settled_pending` is how a pending transaction's `settled` looks: `""`, left out, a boolean
    (true once settled), or null. `token_extra_fields` adds a seventh key to token answers.
    `pots_require_account` refuses to list pots without an account. `default_page_limit` is the
    size of a page when none is asked for. `password_without_secret` lets a public client use the
    password grant, which is otherwise for confidential ones.
    """

    settled_pending: Literal["", "omit", "bool", "null"] = ""
    token_extra_fields: Literal["none", "scope"] = "none"  # noqa: S105 # no secret
    pots_require_account: bool = True
    default_page_limit: Literal[30, 100] = 30
    password_without_secret: bool = False


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A registered client. Instants are microseconds; a disabled client can do nothing."""

    id: str
    name: str
    confidential: bool
    redirect_uris: tuple[str, ...]
    grants: tuple[Grant, ...]
    options: ClientOptions
    created_at: int
    disabled_at: int | None = None


@lru_cache(maxsize=1024)
def options_from_json(text: str) -> ClientOptions:
    """Read stored options; remembered, because every request needs them."""
    return msgspec.json.decode(text, type=ClientOptions)


@dataclass(frozen=True, slots=True)
class PairValues:
    """A pair of tokens as it is stored; instants are microseconds."""

    access_digest: bytes
    access_expires_at: int
    refresh_digest: bytes | None
    issued_at: int


@dataclass(frozen=True, slots=True)
class EndedPair:
    """The digests of a pair that works no more."""

    user_id: str
    client_id: str
    access_digest: bytes
    refresh_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A refresh token given for a new pair.

    It must belong to this client and to a pair issued after `issued_after` (microseconds).
    """

    shard: int
    client_id: str
    spent_digest: bytes
    issued_after: int
    new: PairValues


class LivePair(msgspec.Struct, frozen=True):
    """What a request needs to know about the access token it carries."""

    user_id: str
    client_id: str
    access_expires_at: int
    options: str
    client_disabled_at: int | None


@dataclass(frozen=True, slots=True)
class FormerToken:
    """A token that works no more, and why; `successor_digest` is what a spent one was given for."""

    digest: bytes
    kind: Kind
    reason: Reason
    user_id: str
    client_id: str
    successor_digest: bytes | None = None
