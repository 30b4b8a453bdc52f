"""Open holds, and what was answered to commands."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.catalogue import NO_ACCOUNT, NO_ANSWER, NO_TRANSACTION
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.entry_sets import SCOPES, TRANSACTION
from minibank.api.operator.movements import ENTRY_SET
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.clock import MICROSECONDS
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Currency, Instant, MinorUnits
from minibank.db import ReadTx
from minibank.journal.open_business import store
from minibank.journal.open_business.answers import list_answers_of_transaction
from minibank.journal.open_business.store import Answered, Hold
from minibank.journal.store import find_account


class WireHold(Struct, frozen=True, kw_only=True):
    """An authorisation that nobody has presented, reversed or let expire."""

    authorisation_id: str
    account_id: str
    card_id: str
    transaction_id: str
    held: MinorUnits
    currency: Currency
    description: str
    created: Instant
    age_seconds: Annotated[int, Meta(description="How long it has been open.")]
    expires: Annotated[str, Meta(description="When it is given back unless it is presented.")]


class Holds(Struct, frozen=True):
    """A page of open holds, account by account."""

    holds: list[WireHold]
    next: Cursor


class WhichHolds(Struct, frozen=True, kw_only=True):
    """Whose holds."""

    account_id: Annotated[
        str | UnsetType, Meta(description="Only those of this account; else of the whole bank.")
    ] = UNSET
    after: After = UNSET
    limit: Limit = UNSET


class WireAnswer(Struct, frozen=True, kw_only=True):
    """What was answered to a command, and is answered to its repeats."""

    account_id: str
    issuer: Annotated[str, Meta(description="Who vouches for its id: a key, a scheme, a client.")]
    command_id: str
    command: Annotated[str, Meta(description="What it was: `top_up`, `authorise_card`, ...")]
    status: str
    balance: MinorUnits
    transaction_id: str | None
    authorisation_id: str | None
    payee_transaction_id: str | None
    decline_reason: str | None
    entry_sets: Annotated[
        list[str], Meta(description="Where what was booked on this account can be read.")
    ]
    decided: Instant


class Answers(Struct, frozen=True):
    """Answers, oldest first."""

    answers: list[WireAnswer]


class WhichAnswer(Struct, frozen=True, kw_only=True):
    """Which command: all three together are its identity."""

    account_id: str
    issuer: str
    command_id: str


LIST_HOLDS = Operation(
    tag="Books",
    summary="List open holds",
    takes=WhichHolds,
    answers=Holds,
    refuses=(NO_ACCOUNT,),
    scopes=SCOPES,
)
FIND_ANSWER = Operation(
    tag="Books",
    summary="Find what was answered to a command",
    takes=WhichAnswer,
    answers=WireAnswer,
    refuses=(NO_ANSWER,),
    scopes=SCOPES,
)
LIST_ANSWERS = Operation(
    tag="Books",
    summary="List what was answered about a transaction",
    description="To the commands that made it or moved its money. A payment that moved nothing and"
    " was written into the past is found by its command only.",
    path=TRANSACTION,
    answers=Answers,
    refuses=(NO_TRANSACTION,),
    scopes=SCOPES,
)


async def list_holds(tx: ReadTx, call: OperatorCall) -> Holds:
    """GET /operator/v1/holds"""
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str, str])
    account_id = call.params.text("account_id")
    if account_id is None:
        found = await store.list_holds(tx, after or (0, "", ""), limit)
    else:
        shard = shard_of(account_id)
        if shard is None or await find_account(tx, shard, account_id) is None:
            raise NotFound("account", "There is no such account")
        found = await store.list_holds_of(tx, shard, account_id, after[2] if after else "", limit)
    last = found[-1] if len(found) == limit else None
    place = (last.shard, last.account_id, last.id) if last else None
    return Holds([_show_hold(one, tx.now) for one in found], cursor_of(place))


async def find_answer(tx: ReadTx, call: OperatorCall) -> WireAnswer:
    """GET /operator/v1/answers"""
    names = ("account_id", "issuer", "command_id")
    account_id, issuer, command_id = (call.params.require_text(name) for name in names)
    shard = shard_of(account_id)
    found = None
    if shard is not None:
        found = await store.find_answer(tx, shard, account_id, issuer, command_id)
    if found is None:
        raise NotFound("answer", "No such command was answered")
    return _show_answer(found, is_payee=await _is_payee(tx, found))


async def list_answers(tx: ReadTx, call: OperatorCall) -> Answers:
    """GET /operator/v1/transactions/{transaction_id}/answers"""
    transaction_id = call.path["transaction_id"]
    found = await list_answers_of_transaction(tx, transaction_id)
    # They are all of the transaction's account.
    payee = [one.outcome.payee_transaction_id == transaction_id for one in found]
    return Answers([_show_answer(*one) for one in zip(found, payee, strict=True)])


async def _is_payee(tx: ReadTx, one: Answered) -> bool:
    """Whether an answer was found on the account of the payee, where it is kept as well."""
    paid = one.outcome.payee_transaction_id
    shard = None if paid is None else shard_of(paid)
    if shard is None or paid is None:
        return False
    origin = await store.find_origin(tx, shard, paid)
    return origin is not None and origin["account_id"] == one.account_id


def _show_hold(hold: Hold, now: int) -> WireHold:
    return WireHold(
        authorisation_id=hold.id,
        account_id=hold.account_id,
        card_id=hold.card_id,
        transaction_id=hold.transaction_id,
        held=hold.held,
        currency=hold.currency,
        description=hold.description,
        created=format_instant(hold.created_at),
        age_seconds=max(0, now - hold.created_at) // MICROSECONDS,
        expires=format_instant(hold.expires_at),
    )


def _show_answer(one: Answered, is_payee: bool) -> WireAnswer:
    outcome = one.outcome
    # On the payee's account the same answer is kept, and there the payee's entry sets are its own.
    numbers = outcome.payee_entry_sets if is_payee else outcome.entry_sets
    return WireAnswer(
        account_id=one.account_id,
        issuer=one.issuer,
        command_id=one.command_id,
        command=one.command,
        status=outcome.status,
        balance=outcome.balance,
        transaction_id=outcome.transaction_id,
        authorisation_id=outcome.authorisation_id,
        payee_transaction_id=outcome.payee_transaction_id,
        decline_reason=outcome.decline_reason,
        entry_sets=[ENTRY_SET.format(one.account_id, number) for number in numbers],
        decided=format_instant(one.decided_at),
    )
