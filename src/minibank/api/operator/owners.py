"""The people on an account, as operators change them."""

from typing import Annotated

from msgspec import Meta, Struct

from minibank.api.catalogue import LAST_OWNER, NO_ACCOUNT, NO_OWNER, NOT_OPEN
from minibank.api.operation import Operation
from minibank.api.operator.accounts import ACCOUNT
from minibank.api.operator.customer_wire import CustomerAccount
from minibank.api.operator.endpoint import OperatorCall
from minibank.customers import owning
from minibank.db import Tx


class OwnerRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who is to own the account too."""

    user_id: Annotated[str, Meta(description="The person.")]


ADD_OWNER = Operation(
    tag="Customers",
    summary="Make a person an owner of an account",
    description="It is a joint account from then on. Who owns it already goes on owning it.",
    path=ACCOUNT,
    body=OwnerRequest,
    answers=CustomerAccount,
    refuses=(NO_ACCOUNT, NOT_OPEN),
    scopes=("customers",),
)
REMOVE_OWNER = Operation(
    tag="Customers",
    summary="Take an owner off an account",
    description="Their cards on it are blocked, their webhooks on it end, and their tokens do not"
    " see it from the next request on. The last owner stays: such an account is closed.",
    path={**ACCOUNT, "user_id": "The person."},
    answers=CustomerAccount,
    refuses=(NO_ACCOUNT, NO_OWNER, LAST_OWNER, NOT_OPEN),
    scopes=("customers",),
)


async def add_owner(tx: Tx, call: OperatorCall) -> str:
    """POST /operator/v1/accounts/{account_id}/owners"""
    said = call.read(OwnerRequest)
    return (await owning.add_owner(tx, call.path["account_id"], said.user_id)).id


async def remove_owner(tx: Tx, call: OperatorCall) -> str:
    """DELETE /operator/v1/accounts/{account_id}/owners/{user_id}"""
    return (await owning.remove_owner(tx, call.path["account_id"], call.path["user_id"])).id
