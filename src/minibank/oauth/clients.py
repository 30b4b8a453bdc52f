"""Register clients, rotate their secrets, shut them out."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import IdSource
from minibank.core.names import require_name
from minibank.core.secrets import digest
from minibank.db import Tx
from minibank.oauth import store
from minibank.oauth.records import (
    CONFIDENTIAL_GRANTS,
    PUBLIC_GRANTS,
    Client,
    ClientOptions,
    Grant,
)
from minibank.oauth.redirect_uris import require_redirect_uris
from minibank.oauth.retention.planning import plan_secrets
from minibank.oauth.secrets import is_client_secret, new_client_secret


class NewClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client to be registered.

    A confidential client can keep a secret and gets one. `grants` None means all that its kind may
    have. `id` may be drawn beforehand, so that a unit of work that runs again finds its own client.
    """

    name: str
    confidential: bool = True
    redirect_uris: Sequence[str] = ()
    grants: Sequence[Grant] | None = None
    options: ClientOptions = ClientOptions()
    id: str = ""


class OptionChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compatibility options that are to be others: see `ClientOptions`."""

    settled_pending: Literal["", "omit", "bool", "null"] | UnsetType = UNSET
    token_extra_fields: Literal["none", "scope"] | UnsetType = UNSET
    pots_require_account: bool | UnsetType = UNSET
    default_page_limit: Literal[30, 100] | UnsetType = UNSET
    password_without_secret: bool | UnsetType = UNSET

    def applied_to(self, options: ClientOptions) -> ClientOptions:
        """The options after the change."""
        named = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return msgspec.structs.replace(
            options, **{name: value for name, value in named if value is not UNSET}
        )


class ClientChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different about a client; its kind stays."""

    name: str | UnsetType = UNSET
    redirect_uris: Sequence[str] | UnsetType = UNSET
    grants: Sequence[Grant] | UnsetType = UNSET
    options: OptionChanges | UnsetType = UNSET


async def create_client(
    tx: Tx, new: NewClient, secret: str | None = None, ids: IdSource | None = None
) -> tuple[Client, str | None]:
    """Register a client; the client and its secret, which is shown now and never again.

    A public client has no secret (None). `secret` may be drawn beforehand (`new_client_secret`),
    and `ids` stands in for the bank's source. Raises `BadParam` for what may not be registered.
    """
    ids = ids or tx.ids
    client = Client(
        id=new.id or ids.new("oauth2client", ids.shard(), tx.now),
        name=require_name(new.name),
        confidential=new.confidential,
        redirect_uris=require_redirect_uris(new.redirect_uris),
        grants=_require_grants(new.grants, confidential=new.confidential, options=new.options),
        options=new.options,
        created_at=tx.now,
    )
    secret = (secret or new_client_secret(ids)) if new.confidential else None
    assert secret is None or is_client_secret(secret)
    if await store.insert_client(tx, client) and secret is not None:
        await store.insert_secret(tx, client.id, digest(secret))
    return client, secret


async def rotate_secret(
    tx: Tx, client_id: str, overlap_seconds: int, secret: str | None = None
) -> str:
    """Give a client a new secret; the one it had works on for `overlap_seconds` (0: not at all).

    At most two are live: one that was already running out ends at once. `secret` may be drawn
    beforehand, so that a unit of work that runs again does not rotate twice. Raises `NotFound`, and
    `BadParam` for a public client.
    """
    secret = secret or new_client_secret(tx.ids)
    assert is_client_secret(secret)
    if not await store.lock_client(tx, client_id):
        raise _no_such_client()
    client = await store.find_client(tx, client_id)
    if client is None or not client.confidential:
        raise BadParam("client_id", "is a public client's, which has no secret")
    if not await store.has_current_secret(tx, client_id, digest(secret)):
        expires_at = tx.now + overlap_seconds * 1_000_000
        await store.retire_secrets(tx, client_id, expires_at)
        await plan_secrets(tx, client_id, expires_at)
        await store.insert_secret(tx, client_id, digest(secret))
    return secret


async def change_client(tx: Tx, client_id: str, changes: ClientChanges) -> Client:
    """Change what a client is called and may do; its tokens and its secret stay.

    Raises `NotFound`, and `BadParam` for what may not be registered.
    """
    if not await store.lock_client(tx, client_id):
        raise _no_such_client()
    before = await store.find_client(tx, client_id)
    assert before is not None, "it is held"
    options = before.options
    if changes.options is not UNSET:
        options = changes.options.applied_to(options)
    grants = before.grants if changes.grants is UNSET else changes.grants
    uris = changes.redirect_uris
    after = msgspec.structs.replace(
        before,
        name=before.name if changes.name is UNSET else require_name(changes.name),
        redirect_uris=before.redirect_uris if uris is UNSET else require_redirect_uris(uris),
        grants=_require_grants(grants, confidential=before.confidential, options=options),
        options=options,
    )
    await store.update_client(tx, after)
    return after


async def enable_client(tx: Tx, client_id: str) -> None:
    """Let a client in again that was shut out; what tokens it has left work. Raises `NotFound`."""
    if not await store.lock_client(tx, client_id):
        raise _no_such_client()
    await store.mark_enabled(tx, client_id)


async def disable_client(tx: Tx, client_id: str) -> None:
    """Shut a client out: its tokens stop working at once. Raises `NotFound`."""
    if not await store.lock_client(tx, client_id):
        raise _no_such_client()
    await store.mark_disabled(tx, client_id)


def _no_such_client() -> NotFound:
    return NotFound("client", "There is no such client")


def _require_grants(
    asked: Sequence[Grant] | None, *, confidential: bool, options: ClientOptions
) -> tuple[Grant, ...]:
    if asked is None:
        return CONFIDENTIAL_GRANTS if confidential else PUBLIC_GRANTS
    grants = tuple(grant for grant in CONFIDENTIAL_GRANTS if grant in asked)
    if not grants or len(grants) != len(set(asked)):
        raise BadParam("grants", f"must be some of {', '.join(CONFIDENTIAL_GRANTS)}")
    if confidential:
        return grants
    if "refresh_token" in grants:
        raise BadParam("grants", "of a public client cannot include refresh_token")
    if "password" in grants and not options.password_without_secret:
        raise BadParam("grants", "of a public client include password only by its own option")
    return grants
