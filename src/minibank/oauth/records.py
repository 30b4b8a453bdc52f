"""OAuth clients as they are stored, and what an operator may choose for each."""

from functools import lru_cache
from typing import Literal

import msgspec

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
