"""Operator keys and requests as they are stored."""

from typing import Literal, get_args

import msgspec

Scope = Literal["rails", "customers", "audit", "sandbox"]
"""What a key may do: move money, look after customers, read the books, run the simulation."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


class OperatorKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an operator. Instants are microseconds; a disabled key can do nothing.

    `last_used_at` is known to the minute. `retiring_until` is when the secret that a rotation
    replaced ends, None when there is none, and `retiring_used_at` when that was last used.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: int
    disabled_at: int | None = None
    last_used_at: int | None = None
    retiring_until: int | None = None
    retiring_used_at: int | None = None


class Operator(msgspec.Struct, frozen=True):
    """Who makes a request: a key, and what it may do."""

    key_id: str
    scopes: tuple[Scope, ...]
    last_used_at: int | None
    digest: bytes


class OperatorRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done for an operator: `operation` is its method and route."""

    key_id: str
    idempotency_key: str
    digest: bytes
    operation: str
    subject: str
    request_id: str
    requested_at: int
