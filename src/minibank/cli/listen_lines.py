"""What `minibank listen` prints: what it listens to, and a line for each delivery."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from minibank.accounts.records import Account
from minibank.app.listening import Arrived
from minibank.cli.common import console, errors_console, harmless
from minibank.core.clock import Clock
from minibank.core.instants import format_instant
from minibank.core.money import format_amount
from minibank.webhooks.records import Webhook


class Data(msgspec.Struct):
    """What deliveries of any type have in common, as far as they have it."""

    id: str = ""
    transaction_id: str = ""
    webhook_id: str = ""
    account_id: str = ""
    amount: int | None = None
    balance: int | None = None
    currency: str = ""

    @property
    def subject(self) -> str:
        """The id of what it is about."""
        return self.id or self.transaction_id or self.webhook_id or self.account_id

    @property
    def money(self) -> list[str]:
        """For people: the amount, or what is available now."""
        if self.currency and self.amount is not None:
            return [format_amount(self.amount, self.currency)]
        if self.currency and self.balance is not None:
            return [f"{format_amount(self.balance, self.currency)} available"]
        return []


class Message(msgspec.Struct):
    """The body of a delivery."""

    type: str
    data: Data


@dataclass(frozen=True, slots=True)
class Listened:
    """An account that is listened to: its webhook, and the secret that signs."""

    account: Account
    webhook: Webhook
    secret: str


def read_message(body: bytes) -> Message:
    """What is told; a type that is empty for what cannot be read."""
    try:
        return msgspec.json.decode(body, type=Message)
    except msgspec.DecodeError:
        return Message("", Data())


@dataclass(frozen=True, slots=True)
class Lines:
    """Prints for people, or a JSON object a line; `clock` is real time."""

    clock: Clock
    target: str | None
    as_json: bool

    def begin(self, listened: Sequence[Listened], client_name: str) -> None:
        """What is listened to, and with which secrets it is signed."""
        if self.as_json:
            _print_object(
                {
                    "forward_to": self.target,
                    "webhooks": [
                        {
                            "id": one.webhook.id,
                            "account_id": one.account.id,
                            "events": one.webhook.events,
                            "secret": one.secret,
                        }
                        for one in listened
                    ],
                }
            )
            return
        leads = f"forwarding to {self.target}" if self.target else "printing only"
        _print_line(f"Listening as {client_name}, {leads}; Ctrl-C stops it.")
        for one in listened:
            owners = ", ".join(owner.name for owner in one.account.owners)
            _print_line(f"  {one.account.id} of {owners}: signed with {one.secret}")

    def tell(self, arrived: Arrived) -> None:
        """A delivery that came."""
        message = read_message(arrived.body)
        data, now = message.data, self.clock.now()
        milliseconds = arrived.microseconds // 1000
        if self.as_json:
            _print_object(
                {
                    "at": format_instant(now),
                    "delivery_id": arrived.delivery_id,
                    "account_id": arrived.account_id,
                    "sequence": int(arrived.sequence) if arrived.sequence.isdecimal() else None,
                    "event": message.type,
                    "subject": data.subject,
                    "amount": data.amount,
                    "currency": data.currency or None,
                    "status": arrived.status,
                    "error": arrived.fault,
                    "milliseconds": milliseconds,
                    "payload": msgspec.Raw(arrived.body if message.type else b"null"),
                }
            )
            return
        said = [
            format_instant(now)[11:19],
            f"#{arrived.sequence}",
            message.type or "(unreadable)",
            data.subject,
            *data.money,
            *([f"{_result(arrived)} in {milliseconds} ms"] if self.target else []),
        ]
        _print_line("  ".join(said))

    def warn(self, text: str) -> None:
        """Something that a person should know; on standard error, as all that is no result."""
        errors_console().print(f"minibank: {text}", soft_wrap=True)


def _result(arrived: Arrived) -> str:
    if not arrived.fault:
        return str(arrived.status)
    return f"no answer ({arrived.fault}), told the bank {arrived.status}"


def _print_line(text: str) -> None:
    console().print(harmless(text), soft_wrap=True)


def _print_object(value: object) -> None:
    sys.stdout.write(f"{msgspec.json.encode(value).decode()}\n")
    sys.stdout.flush()
