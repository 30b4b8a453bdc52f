"""`minibank trigger`: real payments on request, on both engines."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from minibank.accounts.opening import issue_card, set_card_state
from minibank.accounts.records import CardState
from minibank.app.books import open_books
from minibank.audit import audit
from minibank.cli.trigger import REASONS
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.transactions.records import TransactionRecord
from tests.support.banking import SHOP, Holder, add_merchant, open_holder, read_transaction
from tests.support.command_line import CommandLine, Finished
from tests.support.rails import Rails

T = TypeVar("T")
TWIN = msgspec.structs.replace(SHOP, id="merch_twin_1", name="Zwölf Monde")
OTHER_TWIN = msgspec.structs.replace(
    TWIN, id="merch_twin_2", postal_address='{"short_formatted": "1 High Street"}'
)


class Bank:
    """A bank with one account, and `minibank trigger` on it."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url = url
        self._line = CommandLine(directory, {"MINIBANK_DATABASE": url})
        self.holder = self.do(self._begin)

    def do(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with the database."""

        async def run() -> T:
            async with open_books(Settings(database=self._url), creates=True) as db:
                return await work(db)

        return asyncio.run(run())

    @staticmethod
    async def _begin(db: Database) -> Holder:
        for merchant in (SHOP, TWIN, OTHER_TWIN):
            await add_merchant(db, merchant)
        return await open_holder(db, 10_000)

    def try_(self, name: str, *flags: str) -> Finished:
        """Have something happen on the account."""
        return self._line.try_("trigger", name, "--account", self.holder.account_id, *flags)

    def on(self, name: str, which: str, *flags: str) -> Finished:
        """Have something happen to a payment."""
        return self._line.try_("trigger", name, which, *flags)

    def trigger(self, name: str, *flags: str) -> tuple[dict[str, Any], TransactionRecord]:
        """What was answered, and the transaction."""
        return self.read(self.try_(name, *flags, "--json"))

    def read(self, done: Finished) -> tuple[dict[str, Any], TransactionRecord]:
        """What a command answered, and the transaction."""
        assert done.out, done
        return done.json, self.do(lambda db: read_transaction(db, done.json["transaction_id"]))


@pytest.fixture
def bank(database_url: str, tmp_path: Path) -> Bank:
    return Bank(database_url, tmp_path)


@pytest.mark.parametrize("amount", ["-535", "535"])
def test_a_card_payment_takes_money_out_with_and_without_its_sign(bank: Bank, amount: str):
    answer, record = bank.trigger("card-payment", "--amount", amount)
    assert (answer["status"], answer["balance"]) == ("done", 9465)
    assert (record.kind, record.amount, record.amount_is_pending) == ("card", -535, True)
    assert record.description == "CARD PAYMENT"
    assert bank.holder.card_id in record.metadata


@pytest.mark.parametrize("merchant", ["merch_shop", "Shop", "sHOP "])
def test_a_merchant_is_named_by_id_or_in_any_letters(bank: Bank, merchant: str):
    _, record = bank.trigger("card-payment", "--amount", "-1", "--merchant", merchant)
    assert (record.merchant_id, record.description) == ("merch_shop", "SHOP")
    assert record.category == "groceries"


def test_of_several_merchants_with_one_name_there_is_a_choice(bank: Bank):
    done = bank.try_("card-payment", "--amount", "-1", "--merchant", "ZWÖLF MONDE")
    assert done.status == 1
    assert "2 merchants" in done.err
    assert "merch_twin_1 (no address), merch_twin_2 (1 High Street)" in done.err
    unknown = bank.try_("card-payment", "--amount", "-1", "--merchant", "Nowhere")
    assert (unknown.status, "no merchant Nowhere" in unknown.err) == (1, True)


def test_a_payment_says_what_it_is_told_to_and_what_the_merchant_charged(bank: Bank):
    flags = ("--local-amount", "-1000", "--local-currency", "EUR", "--description", "Lunch")
    done = bank.try_("card-payment", "--amount", "-880", *flags)
    assert "-8.80 GBP, Lunch; 91.20 GBP are available now." in done.out
    assert "holds the money until it settles" in done.out
    _, record = bank.trigger("card-payment", "--amount", "-880", *flags)
    assert (record.local_amount, record.local_currency) == (-1000, "EUR")


def test_the_same_id_again_does_nothing_more(bank: Bank):
    first = bank.try_("card-payment", "--amount", "-535", "--id", "once", "--json")
    again = bank.try_("card-payment", "--amount", "-535", "--id", "once", "--json")
    assert first.json == again.json
    other = bank.try_("card-payment", "--amount", "-536", "--id", "once")
    assert other.status == 1


def test_the_card_is_the_oldest_that_may_be_used(bank: Bank):
    async def swap(db: Database) -> str:
        holder = bank.holder
        new = await db.transact(lambda tx: issue_card(tx, holder.account_id, holder.user_ids[0]))
        await db.transact(lambda tx: set_card_state(tx, holder.card_id, "blocked"))
        await db.transact(lambda tx: set_card_state(tx, new.id, "active"))
        return new.id

    new = bank.do(swap)
    _, record = bank.trigger("card-payment", "--amount", "-1")
    assert new in record.metadata
    done = bank.try_("card-payment", "--amount", "-1", "--card", bank.holder.card_id, "--json")
    assert (done.status, done.json["decline_reason"]) == (1, "CARD_BLOCKED")
    bank.do(lambda db: db.transact(lambda tx: set_card_state(tx, new, "inactive")))
    done = bank.try_("card-payment", "--amount", "-1")
    assert (done.status, "no card that is active" in done.err) == (1, True)


def test_a_payment_that_is_declined_is_told_by_the_exit_status(bank: Bank):
    done = bank.try_("card-payment", "--amount", "-10001")
    assert done.status == 1
    assert "declined: INSUFFICIENT_FUNDS" in done.out


@pytest.mark.parametrize("reason", [*REASONS, "insufficient_funds"])
def test_a_payment_is_declined_for_the_reason_that_was_asked_for(bank: Bank, reason: str):
    card = bank.holder.card_id
    states: dict[str, CardState] = {"CARD_BLOCKED": "blocked", "CARD_INACTIVE": "inactive"}
    state = states.get(reason, "active")
    bank.do(lambda db: db.transact(lambda tx: set_card_state(tx, card, state)))
    answer, record = bank.trigger("declined-payment", "--reason", reason)
    assert answer["status"] == "declined"
    assert answer["decline_reason"] == record.decline_reason == reason.upper()
    assert answer["balance"] == 10_000
    assert record.amount == (-10_001 if record.decline_reason == REASONS[0] else -535)


def test_what_the_bank_would_not_decline_is_not_tried(bank: Bank):
    done = bank.try_("declined-payment", "--amount", "-10000")
    assert (done.status, "more than 10000" in done.err) == (1, True)
    card = ("--card", bank.holder.card_id)
    done = bank.try_("declined-payment", "--reason", "CARD_BLOCKED", *card)
    assert (done.status, "takes one that is blocked" in done.err) == (1, True)
    done = bank.try_("declined-payment", "--reason", "MOOD")
    assert (done.status, "INVALID_CVC" in done.err) == (1, True)
    answer, record = bank.trigger("declined-payment", "--amount", "10001")
    assert (answer["balance"], record.amount) == (10_000, -10_001)


def test_money_comes_in_from_outside(bank: Bank):
    answer, record = bank.trigger("top-up", "--amount", "500")
    assert (answer["balance"], record.kind, record.description) == (10_500, "top_up", "Top up")
    sender = ("--from", "Employer Ltd", "--sort-code", "112233", "--account-number", "12345678")
    answer, record = bank.trigger("bank-transfer-in", "--amount", "250000", *sender)
    assert (answer["balance"], record.kind) == (260_500, "transfer_in")
    assert record.description == "Employer Ltd"
    assert msgspec.json.decode(record.counterparty) == {
        "name": "Employer Ltd",
        "sort_code": "112233",
        "account_number": "12345678",
    }


@pytest.mark.parametrize("name", ["top-up", "bank-transfer-in", "refund"])
def test_what_comes_in_has_no_sign(bank: Bank, name: str):
    done = bank.try_(name, "--amount", "-500")
    assert (done.status, "--amount" in done.err) == (2, True)


def test_a_payment_is_settled_by_its_authorisation_or_its_transaction(bank: Bank):
    first, _ = bank.trigger("card-payment", "--amount", "-535")
    second, _ = bank.trigger("card-payment", "--amount", "-100")
    answer, record = bank.read(bank.on("settle", first["authorisation_id"], "--json"))
    assert (answer["balance"], record.amount) == (9365, -535)
    assert record.settled_at is not None
    amount = ("--amount", "-120", "--json")
    answer, record = bank.read(bank.on("settle", second["transaction_id"], *amount))
    assert (answer["balance"], record.amount) == (9345, -120)
    again = bank.on("settle", first["transaction_id"])
    assert (again.status, "is presented and holds nothing" in again.err) == (1, True)
    assert bank.do(audit).clean


def test_a_hold_is_let_go_of_whole_or_in_part(bank: Bank):
    paid, _ = bank.trigger("card-payment", "--amount", "-535")
    which = paid["transaction_id"]
    answer, record = bank.read(bank.on("reverse", which, "--amount", "35", "--json"))
    assert (answer["balance"], record.amount) == (9500, -500)
    answer, record = bank.read(bank.on("reverse", which, "--json"))
    assert (answer["balance"], record.amount) == (10_000, 0)
    assert bank.on("reverse", which).status == 1
    assert bank.do(audit).clean


def test_a_payment_is_given_back(bank: Bank):
    flags = ("--merchant", "Shop", "--local-amount", "1000", "--local-currency", "EUR")
    paid, _ = bank.trigger("card-payment", "--amount", "-880", *flags)
    which = ("--transaction", paid["transaction_id"])
    answer, record = bank.trigger("refund", *which)
    assert (answer["balance"], record.kind, record.amount) == (10_000, "refund", 880)
    assert (record.merchant_id, record.description) == ("merch_shop", "SHOP")
    assert (record.local_amount, record.local_currency) == (1000, "EUR")
    assert paid["transaction_id"] in record.metadata
    answer, record = bank.trigger("refund", "--amount", "20", "--merchant", "Shop")
    assert (answer["balance"], record.amount) == (10_020, 20)
    assert bank.do(audit).clean


def test_a_refund_that_the_account_does_not_get_is_said_with_the_exit_status(bank: Bank):
    paid, _ = bank.trigger("card-payment", "--amount", "-100", "--merchant", "Shop")
    which = ("--transaction", paid["transaction_id"])
    _, record = bank.trigger("refund", *which, "--amount", "80", "--description", "Deposit")
    assert (record.amount, record.local_currency, record.description) == (80, "GBP", "Deposit")
    assert bank.on("settle", paid["transaction_id"]).status == 0
    disputed = Rails("scheme").dispute(bank.holder, paid["transaction_id"])
    bank.do(lambda db: Engine(db).execute(disputed))
    refused = bank.on("refund", *which, "--amount", "21")
    assert (refused.status, "declined: OTHER" in refused.out) == (1, True)
    assert bank.do(audit).clean


@pytest.mark.parametrize(
    ("name", "arguments", "status", "words"),
    [
        ("settle", ["tx_1"], 1, "no card payment that was held"),
        ("reverse", ["auth_0000BBSdksRf5r3sp0eJnF"], 1, "no card payment that was held"),
        ("refund", [], 2, "--transaction"),
        ("refund", ["--transaction", "tx_1"], 1, "no transaction tx_1"),
        ("card-payment", ["--account", "acc_1", "--amount", "-1"], 1, "no account acc_1"),
        ("top-up", ["--account", "acc_1", "--amount", "1"], 1, "account"),
    ],
)
def test_what_there_is_not_is_named(
    bank: Bank, name: str, arguments: list[str], status: int, words: str
):
    done = bank.on(name, *arguments) if arguments else bank.try_(name)
    assert (done.status, done.out) == (status, "")
    assert words in done.err


def test_nothing_happens_on_request_in_a_production_bank(empty_database_url: str, tmp_path: Path):
    line = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    line.run("migrate", "--mode", "production")
    flags = ("--account", "acc_1", "--amount", "1", "--mode", "production")
    for name in ("card-payment", "top-up", "bank-transfer-in", "refund"):
        done = line.try_("trigger", name, *flags)
        assert (done.status, "only in a sandbox bank" in done.err) == (2, True)
    for name in ("settle", "reverse"):
        done = line.try_("trigger", name, "tx_1", "--mode", "production")
        assert (done.status, "only in a sandbox bank" in done.err) == (2, True)
