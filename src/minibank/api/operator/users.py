"""People, as operators create, change, sign out, export and erase them."""

import tempfile
from collections.abc import AsyncIterator
from typing import Annotated, BinaryIO, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, Headers
from minibank.api.catalogue import HAS_BUSINESS, NO_USER, NO_WRITES
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Operation
from minibank.api.operator.customer_wire import (
    CustomerUser,
    show_customer_user,
)
from minibank.api.operator.endpoint import OperatorCall, enter
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.errors import NotFound, Unavailable
from minibank.core.ids import shard_of
from minibank.core.instants import format_or_none
from minibank.core.pages import LIMIT_MAX
from minibank.customers.people import change_person
from minibank.customers.people import reset_password as reset
from minibank.customers.people import sign_out as end_tokens
from minibank.customers.store import BEGINNING, Place, find_erasure
from minibank.customers.store import list_users as list_next
from minibank.db import ReadTx, Tx
from minibank.identity.passwords import (
    PASSWORD_BYTES_MAX,
    PASSWORD_BYTES_MIN,
    hash_password,
    verify_password,
)
from minibank.identity.store import find_password_hash, find_user
from minibank.identity.users import NewUser, UserChanges, find_user_by_email
from minibank.identity.users import create_user as create_new
from minibank.oauth.tokens import TokenRules
from minibank.operators.requests import repeated_otherwise
from minibank.privacy.erasure import begin_erasure
from minibank.privacy.export import Lines, Subject, export_person

MEDIA = "application/x-ndjson"
PART_BYTES = 64 * 1024
_HASH = "password hash"
_HEADERS: Headers = [(b"content-type", MEDIA.encode()), (b"cache-control", b"no-store")]

_Password = Annotated[
    str,
    Meta(
        description=f"{PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes. Only its hash is kept,"
        " which a repeat is held against.",
        examples=["correct horse battery staple"],
    ),
]
_Email = Annotated[
    str, Meta(description="An address that nobody else has.", examples=["ada@example.com"])
]
_Name = Annotated[str, Meta(description="The full name.", examples=["Ada Example"])]
_FirstName = Annotated[str | UnsetType, Meta(description="How to address them.")]


class UserRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to be created; without a password they cannot sign in by one."""

    email: _Email
    name: _Name
    preferred_first_name: _FirstName = UNSET
    password: _Password | UnsetType = UNSET


class UserChangesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is not said stays."""

    email: _Email | UnsetType = UNSET
    name: _Name | UnsetType = UNSET
    preferred_first_name: _FirstName = UNSET


class PasswordRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password."""

    password: _Password


class WhichUsers(Struct, frozen=True, kw_only=True):
    """Which people."""

    email: Annotated[
        str | UnsetType, Meta(description="Only the one with this address, in any case of letters.")
    ] = UNSET
    after: After = UNSET
    limit: Limit = UNSET


class UserPage(Struct, frozen=True):
    """A page of people, in an order of its own."""

    users: list[CustomerUser]
    next: Cursor


class ErasureState(Struct, frozen=True, kw_only=True):
    """How far the erasure of a person is."""

    user_id: str
    began: Annotated[str | None, Meta(description="Since when; null when it has not begun.")]
    ended: Annotated[str | None, Meta(description="When the last of it was gone.")]


USER = {"user_id": "The person."}

CREATE_USER = Operation(
    tag="Customers",
    summary="Create a person",
    body=UserRequest,
    answers=CustomerUser,
    scopes=("customers",),
)
LIST_USERS = Operation(
    tag="Customers",
    summary="List people, or find one by address",
    takes=WhichUsers,
    answers=UserPage,
    scopes=("customers",),
)
RETRIEVE_USER = Operation(
    tag="Customers",
    summary="Retrieve a person",
    path=USER,
    answers=CustomerUser,
    refuses=(NO_USER,),
    scopes=("customers",),
)
CHANGE_USER = Operation(
    tag="Customers",
    summary="Change a person's address or name",
    description="The former address is free then. Their accounts show the new name.",
    path=USER,
    body=UserChangesRequest,
    answers=CustomerUser,
    refuses=(NO_USER,),
    scopes=("customers",),
)
RESET_PASSWORD = Operation(
    tag="Customers",
    summary="Give a person another password",
    description="All their tokens end.",
    path=USER,
    body=PasswordRequest,
    answers=CustomerUser,
    refuses=(NO_USER,),
    scopes=("customers",),
)
SIGN_OUT = Operation(
    tag="Customers",
    summary="Sign a person out everywhere",
    description="All their tokens end, with every client.",
    path=USER,
    answers=CustomerUser,
    refuses=(NO_USER,),
    scopes=("customers",),
)
EXPORT_USER = Operation(
    tag="Customers",
    summary="Export all that is held about a person",
    description="Lines of JSON, from one instant; the last says how many there are of each kind. Of"
    " joint accounts the other owners' private data is left out.",
    path=USER,
    answers=None,
    media=MEDIA,
    refuses=(NO_USER, NO_WRITES),
    scopes=("customers",),
)
ERASE_USER = Operation(
    tag="Customers",
    summary="Erase a person",
    description="The books stay. It begins at once and goes on as due work; nobody finds the person"
    " from now on. A dry run says what stands in the way.",
    path=USER,
    answers=ErasureState,
    refuses=(NO_USER, HAS_BUSINESS),
    scopes=("customers",),
)
RETRIEVE_ERASURE = Operation(
    tag="Customers",
    summary="Say how far the erasure of a person is",
    path=USER,
    answers=ErasureState,
    refuses=(NO_USER,),
    scopes=("customers", "audit"),
)


async def hash_new(call: OperatorCall) -> None:
    """Hash the password of a person who is to be created, if there is one."""
    said = call.read(UserRequest)
    if said.password is not UNSET:
        call.drawn[_HASH] = await hash_password(said.password)


async def create_user(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/users"""
    said = call.read(UserRequest)
    shard = call.draw("shard", tx.ids.shard)
    first_name = said.preferred_first_name
    new = NewUser(
        email=said.email,
        name=said.name,
        preferred_first_name="" if first_name is UNSET else first_name,
        password_hash=call.drawn.get(_HASH),
        id=call.draw_id(tx.ids, "user", shard, tx.now),
    )
    return (await create_new(tx, new)).id


async def change_user(tx: Tx, call: OperatorCall) -> str:
    """PATCH /operator/v1/users/{user_id}"""
    said = call.read(UserChangesRequest)
    changes = UserChanges(**{name: getattr(said, name) for name in said.__struct_fields__})
    return (await change_person(tx, call.path["user_id"], changes)).id


async def hash_other(call: OperatorCall) -> None:
    """Hash another password."""
    call.drawn[_HASH] = await hash_password(call.read(PasswordRequest).password)


async def reset_password(tx: Tx, call: OperatorCall) -> str:
    """PUT /operator/v1/users/{user_id}/password"""
    user_id = call.path["user_id"]
    await reset(tx, user_id, call.drawn[_HASH], TokenRules.from_settings(call.settings))
    return user_id


async def check_new(edge: Edge, call: OperatorCall, user_id: str) -> None:
    """Refuse a repeat that would create the person with another password."""
    said = call.read(UserRequest)
    if said.password is not UNSET:
        await _require_password_of(edge, user_id, said.password)


async def check_other(edge: Edge, call: OperatorCall, user_id: str) -> None:
    """Refuse a repeat that brings another password."""
    await _require_password_of(edge, user_id, call.read(PasswordRequest).password)


async def _require_password_of(edge: Edge, user_id: str, password: str) -> None:
    # Between units of work: no connection is held while a hash is made.
    kept = await edge.db.read(lambda tx: find_password_hash(tx, user_id))
    if not await verify_password(kept, password):
        raise repeated_otherwise()


async def sign_out(tx: Tx, call: OperatorCall) -> str:
    """DELETE /operator/v1/users/{user_id}/tokens"""
    await end_tokens(tx, call.path["user_id"], TokenRules.from_settings(call.settings))
    return call.path["user_id"]


async def erase_user(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/users/{user_id}/erasure"""
    await begin_erasure(tx, call.path["user_id"])
    return call.path["user_id"]


async def show(tx: ReadTx, call: OperatorCall, user_id: str) -> CustomerUser:
    """A person that a request was about; `NotFound`."""
    user = await find_user(tx, user_id)
    if user is None:
        raise NotFound("user", "There is no such user")
    return show_customer_user(user)


async def show_erasure(tx: ReadTx, call: OperatorCall, user_id: str) -> ErasureState:
    """How far an erasure is that a request was about."""
    found = await find_erasure(tx, user_id)
    if found is None:
        raise NotFound("user", "There is no such user")
    return ErasureState(
        user_id=user_id,
        began=format_or_none(found.began_at),
        ended=format_or_none(found.ended_at),
    )


async def retrieve_user(tx: ReadTx, call: OperatorCall) -> CustomerUser:
    """GET /operator/v1/users/{user_id}"""
    return await show(tx, call, call.path["user_id"])


async def retrieve_erasure(tx: ReadTx, call: OperatorCall) -> ErasureState:
    """GET /operator/v1/users/{user_id}/erasure"""
    return await show_erasure(tx, call, call.path["user_id"])


async def list_users(tx: ReadTx, call: OperatorCall) -> UserPage:
    """GET /operator/v1/users"""
    email = call.params.text("email")
    if email is not None:
        found = await find_user_by_email(tx, email)
        return UserPage([show_customer_user(found)] if found else [], None)
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str]) or BEGINNING
    users = await list_next(tx, after, limit)
    last: Place | None = None
    if len(users) == limit:
        last = shard_of(users[-1].id) or 0, users[-1].id
    return UserPage([show_customer_user(one) for one in users], cursor_of(last))


async def export(edge: Edge, request: Request) -> Answer:
    """GET /operator/v1/users/{user_id}/export"""
    call = await enter(edge, request, *EXPORT_USER.scopes)
    # Without a name, on the disk that the machine has for this: a long history needs no memory.
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 # closed when it was sent

    async def write(tx: ReadTx) -> bool:
        user = await find_user(tx, call.path["user_id"])
        if user is None:
            return False
        settings = call.settings
        public_url, files_url = settings.public_url, settings.files_url or settings.public_url
        subject = Subject(user, settings.bic, public_url, files_url, settings.mode)
        try:
            # A snapshot that is taken again begins anew.
            file.seek(0)
            file.truncate()
            await export_person(tx, subject, Lines(file.write))
        except OSError as error:
            # In our own word, or the port would take it for a lost connection.
            raise Unavailable(NO_WRITES, "The export cannot be written") from error
        return True

    try:
        is_there = await edge.db.snapshot(write)
    except BaseException:
        file.close()
        raise
    if not is_there:
        file.close()
        raise NotFound("user", "There is no such user")
    return Answer(200, b"", _HEADERS, _parts(file))


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(PART_BYTES):
            yield part
