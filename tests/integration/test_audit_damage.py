"""Damage what belongs together; test_audit_marks_damage.py damages every kind of row by itself."""

from collections.abc import AsyncIterator, Callable, Iterator

import msgspec
import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from minibank.payments.decide import DECISIONS
from tests.support.damage import (
    PAYEE_SIDE,
)
from tests.support.damaging import NOON, answer
from tests.support.databases import Databases, in_thread
from tests.support.saboteur import Saboteur, Values
from tests.support.teller import Teller


async def fill(url: str) -> None:
    """A bank in which everything has happened, and which is clean."""
    db = await open_database(url, clock=FakeClock(NOON), ids=SeededIds("damage"))
    teller = await Teller.open(db)
    await teller.do_everything()
    assert (await audit(db)).clean
    await db.close()


@pytest.fixture(scope="module")
def busy_banks(databases: Databases) -> Iterator[Callable[[str], str]]:
    """The busy bank of each engine, made when it is first needed."""
    urls: dict[str, str] = {}

    def url_of(engine: str) -> str:
        if engine not in urls:
            urls[engine] = databases.new(engine)
            in_thread(fill(urls[engine]))
        return urls[engine]

    yield url_of
    for url in urls.values():
        databases.discard(url)


@pytest.fixture
def bank_url(engine: str, busy_banks: Callable[[str], str]) -> str:
    """The address of the busy bank of this engine."""
    return busy_banks(engine)


@pytest.fixture
async def busy(bank_url: str) -> AsyncIterator[Database]:
    """The busy bank, open."""
    db = await open_database(bank_url, clock=FakeClock(NOON))
    yield db
    await db.close()


@pytest.fixture
async def saboteur(bank_url: str, busy: Database) -> AsyncIterator[Saboteur]:
    """The saboteur of the busy bank, whose damage is undone afterwards."""
    came = await Saboteur.connect(bank_url)
    yield came
    await came.leave()


async def findings(db: Database) -> set[tuple[str, str]]:
    report = await audit(db)
    assert not report.clean
    return {(finding.code, finding.subject) for finding in report.findings}


CODES = {
    "top_up": "top_up",
    "receive_transfer": "transfer_in",
    "send_transfer": "transfer_out",
    "transfer_between": "transfer_out",
    "authorise_card": "authorisation",
    "increment_authorisation": "increment",
    "reverse_authorisation": "reversal",
    "expire_authorisation": "expiry",
    "present_card": "presentment",
    "refund_card": "refund",
    "deposit_into_pot": "pot_deposit",
    "withdraw_from_pot": "pot_withdrawal",
    "delete_pot": "pot_withdrawal",
    "return_transfer": "transfer_returned",
    "reject_transfer": "transfer_rejected",
    "send_transfer_back": "transfer_sent_back",
    "deposit_cash": "cash_in",
    "withdraw_cash": "cash_out",
    "charge_fee": "fee",
    "reverse_fee": "fee_reversal",
    "adjust_balance": "adjustment",
    "open_chargeback": "chargeback",
    "resolve_chargeback": "chargeback_lost",
    "resolve_suspense": "suspense_returned",
}
NO_ANSWER_OF_MONEY_MOVED = {"suspend"}
"""What it does is an answer that declines."""


def moved(command: str) -> str:
    """Answers to commands of this type that moved money."""
    return (
        f"command = '{command}' AND outcome LIKE '%done%' AND command_id NOT LIKE '%/credit'"
        " AND EXISTS (SELECT 1 FROM entry_sets e WHERE e.shard = outcomes.shard"
        f" AND e.code = '{CODES[command]}' AND outcome LIKE '%' || e.transaction_id || '%')"
    )


def test_every_command_has_answers_to_damage() -> None:
    commands = {str(one.__struct_config__.tag) for one in DECISIONS}
    assert commands == CODES.keys() | NO_ANSWER_OF_MONEY_MOVED


@pytest.mark.parametrize("command", CODES)
async def test_an_answer_that_is_gone_is_missed(
    busy: Database, saboteur: Saboteur, command: str
) -> None:
    row = await saboteur.pick("outcomes", moved(command))
    await saboteur.delete("outcomes", row)
    transaction_id = msgspec.json.decode(row["outcome"])["transaction_id"]
    assert ("transaction.outcome", transaction_id) in await findings(busy)


@pytest.mark.parametrize("state", ["presented", "reversed", "expired"])
async def test_an_answer_that_ended_a_card_check_is_missed(
    busy: Database, saboteur: Saboteur, state: str
) -> None:
    nothing_moved = "SELECT shard, transaction_id FROM entry_sets"
    where = f"state = '{state}' AND (shard, transaction_id) NOT IN ({nothing_moved})"
    ended = await saboteur.pick("authorisations", where)
    ending = f"command <> 'authorise_card' AND outcome LIKE '%{ended['id']}%'"
    await saboteur.delete("outcomes", await saboteur.pick("outcomes", ending))
    assert ("authorisation.outcome", ended["id"]) in await findings(busy)


@pytest.mark.parametrize(
    "command", ["increment_authorisation", "reverse_authorisation", "expire_authorisation"]
)
async def test_an_answer_that_says_other_money_was_left_is_named(
    busy: Database, saboteur: Saboteur, command: str
) -> None:
    row = await saboteur.pick("outcomes", moved(command))
    await saboteur.update("outcomes", row, {"outcome": answer(balance=-1)(row["outcome"])})
    transaction_id = msgspec.json.decode(row["outcome"])["transaction_id"]
    assert ("transaction.outcome", transaction_id) in await findings(busy)


async def test_the_payees_answer_that_is_gone_is_missed(busy: Database, saboteur: Saboteur) -> None:
    row = await saboteur.pick("outcomes", PAYEE_SIDE)
    await saboteur.delete("outcomes", row)
    credit = msgspec.json.decode(row["outcome"])["payee_transaction_id"]
    assert ("transaction.outcome", credit) in await findings(busy)


@pytest.mark.parametrize("side", ["transfer_in", "transfer_out"])
async def test_a_transfer_with_one_side_is_named(
    busy: Database, saboteur: Saboteur, side: str
) -> None:
    row = await saboteur.pick("transactions", f"scheme = 'p2p_payment' AND kind = '{side}'")
    outcomes = await saboteur.pick("outcomes", f"outcome LIKE '%{row['id']}%'")
    both = msgspec.json.decode(outcomes["outcome"])
    other = both["transaction_id" if side == "transfer_in" else "payee_transaction_id"]
    await saboteur.delete("transactions", row)
    assert ("transfer.other_side", other) in await findings(busy)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "scheme:gift"},
        {"address": "account:main:acc_other"},
        {"amount": 12_345},
        {"currency": "EUR"},
        {"ordinal": 9},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_an_edited_entry_is_named_by_its_set(
    busy: Database, saboteur: Saboteur, changes: Values
) -> None:
    row = await saboteur.pick("entries", "sequence = 1 AND ordinal = 1")
    await saboteur.update("entries", row, changes)
    assert ("entry_set.hash", await set_of(saboteur, row)) in await findings(busy)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 12_345}, "unbalanced"),
        ({"currency": "EUR"}, "currency"),
        ({"address": "account:main:acc_other"}, "address"),
    ],
)
async def test_an_entry_set_that_breaks_a_rule_is_named(
    busy: Database, saboteur: Saboteur, changes: Values, code: str
) -> None:
    row = await saboteur.pick("entries", "sequence = 1 AND ordinal = 1")
    await saboteur.update("entries", row, changes)
    assert (f"entry_set.{code}", await set_of(saboteur, row)) in await findings(busy)


async def test_deleted_and_added_entries_are_named_by_their_set(
    busy: Database, saboteur: Saboteur
) -> None:
    first = await saboteur.pick("entries", "sequence = 1 AND ordinal = 1")
    other = await saboteur.pick("entries", "sequence = 2 AND ordinal = 1")
    await saboteur.delete("entries", first)
    await saboteur.insert("entries", other | {"ordinal": 7})
    found = await findings(busy)
    assert ("entry_set.hash", await set_of(saboteur, first)) in found
    assert ("entry_set.hash", await set_of(saboteur, other)) in found


async def test_an_entry_set_cut_off_the_end_is_missed(busy: Database, saboteur: Saboteur) -> None:
    balance = await saboteur.pick("balances")
    account, length = balance["account_id"], balance["chain_length"]
    where = f"account_id = '{account}' AND sequence = {length}"
    await saboteur.delete("entry_sets", await saboteur.pick("entry_sets", where))
    while True:
        try:
            await saboteur.delete("entries", await saboteur.pick("entries", where))
        except AssertionError:
            break
    assert ("balance.chain", account) in await findings(busy)


async def set_of(saboteur: Saboteur, entry: Values) -> str:
    where = f"account_id = '{entry['account_id']}' AND sequence = {entry['sequence']}"
    return str((await saboteur.pick("entry_sets", where))["id"])
