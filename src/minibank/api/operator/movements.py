"""What came of a command, as operators read it; sending one, and many at once."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer as HttpAnswer
from minibank.api.answers import answer_json
from minibank.api.catalogue import (
    BAD_COMMAND,
    COMMAND_REUSED,
    LATE,
    NO_ACCOUNT,
    NO_WRITES,
    SHUTTING_DOWN,
)
from minibank.api.endpoint import Edge, Request, Runner
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import DryRun, OperatorCall, enter
from minibank.api.operator.rails import COMMANDS, Rail, body_of, bulk_of, command_of
from minibank.core.errors import BadParam, BankError
from minibank.core.wire import Currency, MinorUnits
from minibank.ledger.entries import EntrySet
from minibank.payments.commands import Command, Outcome
from minibank.payments.picture import Answer

BULK_MAX = 10_000
"""How many commands one request may bring."""
BULK_BYTES_MAX = 8 * 1024 * 1024
BULK_PREVIEW_MAX = 500
"""How many a dry run may bring: they are decided together, as one batch."""

ENTRY_SET = "/operator/v1/accounts/{}/entry-sets/{}"


ALWAYS = (COMMAND_REUSED, NO_ACCOUNT, BAD_COMMAND, SHUTTING_DOWN, LATE)
"""What any command may be refused with."""


class MovedEntry(Struct, frozen=True):
    """One signed amount on one address."""

    address: Annotated[str, Meta(description="Where; a positive amount is owed to it.")]
    amount: MinorUnits
    currency: Currency


class _Came(Struct, frozen=True, kw_only=True):
    """What came of a command, whichever way it was sent."""

    id: Annotated[str, Meta(description="The command's own id: the `Idempotency-Key`.")]
    account_id: Annotated[str, Meta(description="The account it acted on.")]
    transaction_id: Annotated[
        str | None, Meta(description="The transaction it made or changed.")
    ] = None
    authorisation_id: Annotated[str | None, Meta(description="The authorisation.")] = None
    payee_transaction_id: Annotated[
        str | None, Meta(description="The payee's transaction, of a transfer within the bank.")
    ] = None
    decline_reason: Annotated[str | None, Meta(description="Why a card payment was declined.")] = (
        None
    )
    limit: Annotated[
        str | None, Meta(description="The limit of the account that declined it, if one did.")
    ] = None
    made_by: Annotated[str, Meta(description="Who at the bank made an adjustment.")] = ""
    entry_sets: Annotated[
        list[str], Meta(description="Where what was booked can be read, in order.")
    ] = []
    dry_run: Annotated[bool, Meta(description="Nothing of it happened: it was only asked for.")] = (
        False
    )


class Movement(_Came, frozen=True, kw_only=True):
    """What came of a command: `declined` is an answer too, and is repeated like one."""

    status: Literal["done", "declined"]
    balance: Annotated[
        int, Meta(description="What the account had to spend right after it, in minor units.")
    ]
    would_book: Annotated[
        list[list[MovedEntry]] | UnsetType,
        Meta(description="In a dry run, the entry sets that would be booked."),
    ] = UNSET


class CommandError(Struct, frozen=True):
    """Why a command was refused, as its own endpoint would say it."""

    code: str
    message: Annotated[str, Meta(description="For people; its words may change.")]
    params: dict[str, str] = {}


class BulkMovement(_Came, frozen=True, kw_only=True):
    """What came of one of many commands; of one that was refused nothing, and its id is free."""

    status: Literal["done", "declined", "refused"]
    balance: Annotated[
        int | None,
        Meta(description="What it had to spend right after; null if refused."),
    ] = None
    error: Annotated[CommandError | None, Meta(description="Why it was refused.")] = None


class Counts(Struct, frozen=True):
    """How many of a bulk were done, declined, refused."""

    done: int
    declined: int
    refused: int


class Movements(Struct, frozen=True):
    """One answer for each command, in the order of the request."""

    answers: list[BulkMovement]
    counts: Counts


def show_outcome(command: Command, outcome: Outcome) -> Movement:
    """An outcome as operators read it."""
    return Movement(**_told(command, outcome))


def _told(command: Command, outcome: Outcome) -> dict[str, Any]:
    """What is said of an outcome, whichever way its command was sent."""
    return {
        "id": command.id,
        "account_id": command.account_id,
        "status": outcome.status,
        "balance": outcome.balance,
        "transaction_id": outcome.transaction_id,
        "authorisation_id": outcome.authorisation_id,
        "payee_transaction_id": outcome.payee_transaction_id,
        "decline_reason": outcome.decline_reason,
        "limit": outcome.limit,
        "made_by": outcome.made_by,
        "entry_sets": _links(command, outcome),
    }


def _links(command: Command, outcome: Outcome) -> list[str]:
    payee: str = getattr(command, "payee_account_id", "")
    own = [ENTRY_SET.format(command.account_id, number) for number in outcome.entry_sets]
    return own + [ENTRY_SET.format(payee, number) for number in outcome.payee_entry_sets]


def _previewed(command: Command, outcome: Outcome) -> dict[str, Any]:
    """What is said of what would come of a command: no ids, because these would be others."""
    return {
        "id": command.id,
        "account_id": command.account_id,
        "status": outcome.status,
        "balance": outcome.balance,
        "decline_reason": outcome.decline_reason,
        "limit": outcome.limit,
        "dry_run": True,
    }


def _moved(entry_set: EntrySet) -> list[MovedEntry]:
    return [MovedEntry(one.address, one.amount, one.currency) for one in entry_set.entries]


def moving(rail: Rail) -> Runner:
    """The endpoint of a rail: it sends the command and answers what came of it."""
    kind = body_of(rail.command, rail.named)

    async def run(edge: Edge, request: Request) -> HttpAnswer:
        call = await enter(edge, request, *rail.scopes)
        named = {**call.path, "id": call.require_key()}
        said = call.read(kind)
        if rail.owner is not None:
            named["account_id"] = await edge.db.read(lambda tx: rail.account_of(tx, call.path))
        command = command_of(rail.command, call.operator.key_id, said, named)
        _require_allowed(call, [command])
        if call.is_dry_run:
            return answer_json(await _preview_one(edge, command))
        return answer_json(show_outcome(command, await edge.engine.execute(command)))

    return run


async def _preview_one(edge: Edge, command: Command) -> Movement:
    (answer,), written = await edge.engine.preview([command])
    if isinstance(answer, BankError):
        raise answer
    booked = [_moved(one.entry_set) for one in written.entry_sets]
    return Movement(**_previewed(command, answer), would_book=booked)


BULK_BODIES = {name: bulk_of(command) for name, command in COMMANDS.items()}
_COMMAND_OF = {BULK_BODIES[name]: command for name, command in COMMANDS.items()}

Bulk: type[Any] = msgspec.defstruct(
    "Bulk",
    [
        (
            "commands",
            Annotated[
                list[Union[tuple(BULK_BODIES.values())]],  # type: ignore[misc] # noqa: UP007
                Meta(description="`command` says what each is.", min_length=1, max_length=BULK_MAX),
            ],
        )
    ],
    forbid_unknown_fields=True,
    module=__name__,
    namespace={"__doc__": "Commands to be executed in this order, each by itself."},
)


SEND_MANY = Operation(
    tag="Movements",
    summary="Send many commands at once",
    description=f"Up to {BULK_MAX:,} commands, each with an id of its own, executed in this order"
    " and each by itself: one that is refused holds up none of the others. There is one answer for"
    " each, in the same order. Commands are safe to repeat, and so is the whole request.",
    takes=DryRun,
    body=Bulk,
    answers=Movements,
    refuses=(NO_WRITES,),
    scopes=("rails",),
)


async def send_many(edge: Edge, request: Request) -> HttpAnswer:
    """POST /operator/v1/commands"""
    call = await enter(edge, request, *SEND_MANY.scopes)
    said = call.read(Bulk)
    key = call.operator.key_id
    commands = [command_of(_COMMAND_OF[type(one)], key, one, {}) for one in said.commands]
    _require_allowed(call, commands)
    if call.is_dry_run:
        if len(commands) > BULK_PREVIEW_MAX:
            raise BadParam("commands", f"of a dry run are at most {BULK_PREVIEW_MAX}")
        answers, _ = await edge.engine.preview(commands)
        shown = [_shown(*pair, is_preview=True) for pair in zip(commands, answers, strict=True)]
    else:
        answers = await edge.engine.execute_many(commands)
        shown = [_shown(*pair) for pair in zip(commands, answers, strict=True)]
    return answer_json(Movements(shown, _count(shown)))


def _shown(command: Command, answer: Answer, *, is_preview: bool = False) -> BulkMovement:
    if isinstance(answer, BankError):
        error = CommandError(answer.code, answer.message, answer.params)
        return BulkMovement(
            id=command.id,
            account_id=command.account_id,
            status="refused",
            error=error,
            dry_run=is_preview,
        )
    tell = _previewed if is_preview else _told
    return BulkMovement(**tell(command, answer))


def _count(shown: Sequence[BulkMovement]) -> Counts:
    counted = Counter(one.status for one in shown)
    return Counts(*(counted[status] for status in ("done", "declined", "refused")))


def _require_allowed(call: OperatorCall, commands: Sequence[Command]) -> None:
    """Only a sandbox bank has history written into it."""
    if call.settings.mode == "production" and any(one.at is not None for one in commands):
        raise BadParam("at", "is for sandbox banks only")
