"""The rails: one endpoint for each command of the money engine, and one for many at once.

What an endpoint takes follows from its command. The issuer of a command is the operator's key and
its id the `Idempotency-Key`, so that it is answered as before when it is sent again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.core.errors import BadParam
from minibank.core.instants import parse_instant
from minibank.core.wire import Instant
from minibank.db import ReadTx
from minibank.operators.records import Scope
from minibank.payments.commands import AnyCommand, Command

HIDDEN = {"issuer", "id"}
"""Fields of a command that no body has: they follow from the key and the header."""

_WORDS: Mapping[str, str] = {
    "account_id": "The account.",
    "amount": "How much, in minor units of the account's currency.",
    "at": "When it happened, for history in an account that has nothing later. Sandbox banks only.",
    "authorisation_id": "The authorisation.",
    "card_id": "The card.",
    "category": "What it is filed under.",
    "counterparty": "The other side.",
    "cvc_ok": "Whether the scheme found the security code right; null where it did not look.",
    "description": "What the customer sees.",
    "end_to_end_id": "What the payer calls the payment, wherever it goes.",
    "expiry_ok": "Whether the scheme found the expiry date right; null where it did not look.",
    "external_id": "What whoever asks calls the move; its id, unless it is said.",
    "happened_at": "When it happened in the world, when that was earlier.",
    "hold_seconds": "How long the hold lives; null takes the bank's setting.",
    "local_amount": "What the merchant charged, in minor units of `local_currency`.",
    "local_currency": "ISO 4217, when the merchant charged another currency.",
    "kind": "What the scheme moved.",
    "made_by": "Who at the bank did it.",
    "merchant_id": "The merchant.",
    "metadata": "Texts that the customer's clients see on the transaction.",
    "original_transaction_id": "The transaction that it belongs to.",
    "payee_account_id": "The account that is paid.",
    "pin_ok": "Whether the scheme found the PIN right; null where it did not look.",
    "pot_id": "The pot.",
    "reason": "Why, for the books.",
    "result": "How it ended.",
    "scheme": "What carried it, as the customer's clients see it.",
    "transaction_id": "The transaction.",
    "user_id": "The owner who asked for it.",
}


Owner = Callable[[ReadTx, str], Awaitable[str]]
"""Finds the account of what the path names; `NotFound`."""


@dataclass(frozen=True, slots=True)
class Rail:
    """An endpoint that sends one command: `noun` is its path after `/operator/v1/`.

    A named segment of the path is the command's field of that name, described in `path`; where it
    has an `owner` that finds the account, the body does not name one.
    """

    noun: str
    command: type[Command]
    summary: str
    description: str = ""
    refuses: tuple[str, ...] = ()
    path: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    scopes: tuple[Scope, ...] = ("rails",)

    @property
    def named(self) -> frozenset[str]:
        """The command's fields that no body says."""
        return frozenset({*self.path, *(["account_id"] if self.owner else [])})

    async def account_of(self, tx: ReadTx, path: Mapping[str, str]) -> str:
        """The account of what the path names; `NotFound`."""
        assert self.owner is not None, "asked only then"
        (segment,) = path.values()
        return await self.owner(tx, segment)


def body_of(command: type[Command], without: frozenset[str] = frozenset()) -> type[Struct]:
    """What a request that sends this command says in its body."""
    return _define(command, HIDDEN | without, f"{command.__name__}Request", None)


def bulk_of(command: type[Command]) -> type[Struct]:
    """The command as one of many: it says which it is, and brings its id."""
    return _define(command, {"issuer"}, f"{command.__name__}Command", _tag(command))


def _define(
    command: type[Command], without: set[str] | frozenset[str], name: str, tag: str | None
) -> type[Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for one in msgspec.structs.fields(command):
        if one.name in without:
            continue
        described = _described(one.name, one.type)
        if one.required:
            fields.append((one.name, described))
        else:
            fields.append((one.name, described | UnsetType, UNSET))
    options: dict[str, Any] = {"tag_field": "command", "tag": tag} if tag else {}
    return msgspec.defstruct(
        name, fields, kw_only=True, forbid_unknown_fields=True, frozen=True, module=__name__,
        **options,
    )  # fmt: skip


def _described(name: str, kind: Any) -> Any:  # noqa: ANN401 - a type
    if name == "at" or name.endswith("_at"):
        kind = Instant | None if type(None) in get_args(kind) else Instant
    if name == "id":
        return Annotated[
            kind, Meta(description="Your own name for it: sent again it is done once.")
        ]
    return Annotated[kind, Meta(description=_WORDS[name])]


def _tag(command: type[Command]) -> str:
    return str(command.__struct_config__.tag)


def command_of(
    command: type[Command], issuer: str, said: Struct, named: Mapping[str, str]
) -> Command:
    """The command that a body and a path ask for; `BadParam` for an instant that is none."""
    values: dict[str, Any] = dict(named)
    for name in said.__struct_fields__:
        value = getattr(said, name)
        if value is UNSET:
            continue
        if value is not None and (name == "at" or name.endswith("_at")):
            value = _instant(name, value)
        values[name] = value
    return command(issuer=issuer, **values)


def _instant(name: str, text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadParam(name, "must be a timestamp such as 2026-01-05T09:00:00Z") from error


COMMANDS: dict[str, type[Command]] = {_tag(one): one for one in get_args(AnyCommand)}
