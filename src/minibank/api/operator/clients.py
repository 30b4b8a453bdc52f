"""OAuth clients, as operators register, change and shut them out. A secret is shown once."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.catalogue import NO_CLIENT
from minibank.api.operation import Operation
from minibank.api.operator.customer_wire import OperatedClient, show_client
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import NotFound
from minibank.core.pages import LIMIT_MAX
from minibank.customers.store import BEGINNING
from minibank.customers.store import list_clients as list_next
from minibank.db import ReadTx, Tx
from minibank.oauth import clients
from minibank.oauth.clients import ClientChanges, NewClient, OptionChanges
from minibank.oauth.records import Client, ClientOptions, Grant
from minibank.oauth.secrets import new_client_secret
from minibank.oauth.store import find_client

OVERLAP_SECONDS_MAX = 366 * 86_400
_SECRET = "secret"  # noqa: S105 # the name of what is drawn

_Name = Annotated[str, Meta(description="What people see.", examples=["Budget app"])]
_Uris = Annotated[list[str], Meta(description="Where people return to.")]
_Grants = Annotated[list[Grant], Meta(description="How it may get tokens.")]


class ClientRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client to be registered."""

    name: _Name
    confidential: Annotated[bool, Meta(description="Whether it can keep a secret.")] = True
    redirect_uris: _Uris = []
    grants: Annotated[
        _Grants | UnsetType, Meta(description="All of its kind if it is not said.")
    ] = UNSET
    options: OptionChanges = OptionChanges()


class ClientChangesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not said stays, and so does an option."""

    name: _Name | UnsetType = UNSET
    redirect_uris: _Uris | UnsetType = UNSET
    grants: _Grants | UnsetType = UNSET
    options: OptionChanges | UnsetType = UNSET


class SecretRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a secret is replaced."""

    overlap_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=OVERLAP_SECONDS_MAX)] | UnsetType,
        Meta(description="How long the former one works on; the bank's setting if it is not said."),
    ] = UNSET


class ClientStateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a client may do anything."""

    state: Literal["enabled", "disabled"]


class ClientWithSecret(Struct, frozen=True, kw_only=True):
    """A client and its new secret."""

    client: OperatedClient
    client_secret: Annotated[
        str | None,
        Meta(
            description="Shown this once and kept only as a digest: null in the answer to a repeat"
            " and to a dry run, and for a public client. Who lost it rotates."
        ),
    ]


class WhichClients(Struct, frozen=True, kw_only=True):
    """Which part of the list."""

    after: After = UNSET
    limit: Limit = UNSET


class ClientPage(Struct, frozen=True):
    """A page of clients, the oldest first."""

    clients: list[OperatedClient]
    next: Cursor


_CLIENT = {"client_id": "The client."}

REGISTER_CLIENT = Operation(
    tag="Customers",
    summary="Register a client",
    body=ClientRequest,
    answers=ClientWithSecret,
    scopes=("customers",),
)
LIST_CLIENTS = Operation(
    tag="Customers",
    summary="List clients",
    takes=WhichClients,
    answers=ClientPage,
    scopes=("customers", "audit"),
)
RETRIEVE_CLIENT = Operation(
    tag="Customers",
    summary="Retrieve a client",
    path=_CLIENT,
    answers=OperatedClient,
    refuses=(NO_CLIENT,),
    scopes=("customers", "audit"),
)
CHANGE_CLIENT = Operation(
    tag="Customers",
    summary="Change what a client is called and may do",
    description="Its tokens and its secret stay.",
    path=_CLIENT,
    body=ClientChangesRequest,
    answers=OperatedClient,
    refuses=(NO_CLIENT,),
    scopes=("customers",),
)
ROTATE_SECRET = Operation(
    tag="Customers",
    summary="Give a client a new secret",
    description="The former one works on for a while, so that nothing breaks.",
    path=_CLIENT,
    body=SecretRequest,
    answers=ClientWithSecret,
    refuses=(NO_CLIENT,),
    scopes=("customers",),
)
SET_CLIENT_STATE = Operation(
    tag="Customers",
    summary="Shut a client out, or let it in again",
    description="None of a disabled client's tokens works; those that are left work again later.",
    path=_CLIENT,
    body=ClientStateRequest,
    answers=OperatedClient,
    refuses=(NO_CLIENT,),
    scopes=("customers",),
)


async def register_client(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/clients"""
    said = call.read(ClientRequest)
    shard = call.draw("shard", tx.ids.shard)
    new = NewClient(
        name=said.name,
        confidential=said.confidential,
        redirect_uris=said.redirect_uris,
        grants=None if said.grants is UNSET else said.grants,
        options=said.options.applied_to(ClientOptions()),
        id=call.draw_id(tx.ids, "oauth2client", shard, tx.now),
    )
    secret = call.draw(_SECRET, lambda: new_client_secret(tx.ids))
    client, _ = await clients.create_client(tx, new, secret)
    return client.id


async def change_client(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/clients/{client_id}"""
    said = call.read(ClientChangesRequest)
    changes = ClientChanges(**{name: getattr(said, name) for name in said.__struct_fields__})
    return (await clients.change_client(tx, call.path["client_id"], changes)).id


async def rotate_secret(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/clients/{client_id}/secrets"""
    said, client_id = call.read(SecretRequest), call.path["client_id"]
    seconds = said.overlap_seconds
    if seconds is UNSET:
        seconds = call.settings.client_secret_overlap_seconds
    secret = call.draw(_SECRET, lambda: new_client_secret(tx.ids))
    await clients.rotate_secret(tx, client_id, seconds, secret)
    return client_id


async def set_state(tx: Tx, call: OperatorCall) -> str:
    """PUT /operator/v1/clients/{client_id}/state"""
    is_enabled = call.read(ClientStateRequest).state == "enabled"
    verb = clients.enable_client if is_enabled else clients.disable_client
    await verb(tx, call.path["client_id"])
    return call.path["client_id"]


async def show(tx: ReadTx, call: OperatorCall, client_id: str) -> OperatedClient:
    """A client that a request was about."""
    return show_client(await _require(tx, client_id))


async def show_secret(tx: ReadTx, call: OperatorCall, client_id: str) -> ClientWithSecret:
    """A client with the secret that this request made, which nobody can read again."""
    client = await _require(tx, client_id)
    is_shown = client.confidential and not call.is_dry_run
    secret = call.drawn.get(_SECRET) if is_shown else None
    return ClientWithSecret(client=show_client(client), client_secret=secret)


async def _require(tx: ReadTx, client_id: str) -> Client:
    client = await find_client(tx, client_id)
    if client is None:
        raise NotFound("client", "There is no such client")
    return client


async def retrieve_client(tx: ReadTx, call: OperatorCall) -> OperatedClient:
    """GET /operator/v1/clients/{client_id}"""
    return await show(tx, call, call.path["client_id"])


async def list_clients(tx: ReadTx, call: OperatorCall) -> ClientPage:
    """GET /operator/v1/clients"""
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str]) or BEGINNING
    found = await list_next(tx, after, limit)
    last = (found[-1].created_at, found[-1].id) if len(found) == limit else None
    return ClientPage([show_client(one) for one in found], cursor_of(last))
