"""Damage every kind of row that money depends on; the audit must name the row each time.

What no other row tells of cannot be proved and is not damaged here: texts for people, the digest
and the issuer of a command, the local amount of a payment abroad, the amount of a declined payment,
and the lease of a piece of due work.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from minibank.payments.decide import DECISIONS
from tests.support.databases import Databases, in_thread
from tests.support.saboteur import Saboteur, Values
from tests.support.teller import Teller

NOON = 1_773_144_000_000_000
NOBODY = "acc_0000B3wV5n0FxAjLRtSlPc"
NO_TRANSACTION = "tx_0000B3wV5n0FxAjLRtSlPc"
OTHER_HASH = bytes(range(32))
SUBJECTS = {
    "balances": "account_id",
    "entry_sets": "id",
    "entries": "sequence",
    "transactions": "id",
    "authorisations": "id",
    "outcomes": "command_id",
    "due_work": "subject",
    "owners": "user_id",
    "memberships": "user_id",
    "accounts": "id",
    "cards": "id",
}
"""The column whose value names a row in a finding, when nothing else is said."""


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


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to one row, and what the audit must call it.

    `changes` are new values, or functions of the old ones. The finding's subject must be the
    `subject` column of the row as it was (as it became, when `names_new`).
    """

    code: str
    table: str
    where: str = "1 = 1"
    changes: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    names_new: bool = False

    def changed(self, row: Values) -> Values:
        """The new values."""
        return {
            column: change(row[column]) if callable(change) else change
            for column, change in self.changes.items()
        }

    def expected(self, row: Values) -> tuple[str, str]:
        """The code and the subject of the finding that must be among the audit's."""
        source = row | self.changed(row) if self.names_new else row
        return self.code, str(source[self.subject or SUBJECTS[self.table]])


def more(value: int) -> int:
    return value + 1


def less(value: int) -> int:
    return value - 1


def flipped(value: int) -> int:
    return 1 - value


def later(value: int) -> int:
    return value + 1000


def answer(**changes: Any) -> Callable[[str], str]:
    """The outcome with other content."""

    def edit(text: str) -> str:
        return msgspec.json.encode(msgspec.json.decode(text) | changes).decode()

    return edit


ANY_MOVED = "amount <> 0 AND decline_reason IS NULL"
PENDING = "amount_is_pending = 1 AND amount = -250"
CHECK_THAT_GREW = "amount_is_pending = 1 AND amount = -130"
SETTLED = "kind = 'card' AND settled_at IS NOT NULL AND amount <> 0"
DECLINED = "decline_reason IS NOT NULL AND amount <> 0"
HELD = "state = 'open' AND held > 0"
UNDONE = """state = 'reversed' AND (shard, transaction_id) IN
            (SELECT shard, transaction_id FROM entry_sets)"""
CHECKED = "state = 'open' AND held = 0"
PAYER_SIDE = "command = 'transfer_between' AND command_id NOT LIKE '%/credit'"
PAYEE_SIDE = "command = 'transfer_between' AND command_id LIKE '%/credit'"

EDITS = [
    Damage("balance.booked", "balances", changes={"booked": more}),
    Damage("balance.held", "balances", changes={"held": more}),
    Damage("balance.created", "balances", changes={"last_created_at": more}),
    Damage("balance.created", "balances", changes={"last_created_at": less}),
    Damage("balance.chain", "balances", changes={"chain_length": more}),
    Damage("balance.chain", "balances", changes={"chain_head": OTHER_HASH}),
    Damage("balance.limit", "balances", "overdraft_limit = 500", {"overdraft_limit": 299}),
    Damage("balance.missing", "balances", changes={"account_id": NOBODY}),
    Damage("entry.stray", "entry_sets", changes={"account_id": NOBODY}, subject="sequence"),
    Damage("entry_set.sequence", "entry_sets", changes={"sequence": 10**6}),
    Damage("entry_set.hash", "entry_sets", changes={"id": "entryset_other"}, names_new=True),
    Damage("entry_set.hash", "entry_sets", changes={"code": "gift"}),
    Damage("entry_set.hash", "entry_sets", changes={"transaction_id": NO_TRANSACTION}),
    Damage("entry_set.hash", "entry_sets", changes={"forced": flipped}),
    Damage("entry_set.hash", "entry_sets", changes={"happened_at": more}),
    Damage("entry_set.hash", "entry_sets", changes={"booked_at": more}),
    Damage("entry_set.previous_hash", "entry_sets", changes={"previous_hash": OTHER_HASH}),
    Damage("entry_set.hash", "entry_sets", changes={"hash": OTHER_HASH}),
    Damage("entry.stray", "entries", changes={"sequence": 10**6}, names_new=True),
    Damage("account.missing", "entries", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("transaction.missing", "transactions", ANY_MOVED, {"id": NO_TRANSACTION}),
    Damage("transaction.missing", "transactions", ANY_MOVED, {"account_id": NOBODY}),
    Damage("transaction.created", "transactions", changes={"created_at": later}),
    Damage("transaction.settled", "transactions", SETTLED, {"settled_at": None}),
    Damage("transaction.settled", "transactions", SETTLED, {"settled_at": NOON - 1}),
    Damage("transaction.settled", "transactions", PENDING, {"settled_at": NOON + 10**6}),
    Damage("transaction.settled", "transactions", DECLINED, {"settled_at": NOON + 10**6}),
    Damage("transaction.settled", "transactions", "kind = 'top_up'", {"settled_at": None}),
    Damage("transaction.kind", "transactions", "kind = 'refund'", {"kind": "top_up"}),
    Damage("transaction.kind", "transactions", "kind = 'top_up'", {"kind": "card"}),
    Damage("transaction.kind", "transactions", DECLINED, {"kind": "refund"}),
    Damage("transaction.amount", "transactions", ANY_MOVED, {"amount": less}),
    Damage("transaction.amount", "transactions", "kind = 'card' AND amount = 0", {"amount": less}),
    Damage("transaction.currency", "transactions", changes={"currency": "EUR"}),
    Damage("transaction.local", "transactions", "local_currency = 'GBP'", {"local_amount": less}),
    Damage("transaction.local", "transactions", "local_currency = 'EUR' AND amount < 0",
           {"local_amount": abs}),
    Damage("transaction.balance", "transactions", SETTLED, {"account_balance": more}),
    Damage("transaction.balance", "transactions", PENDING, {"account_balance": more}),
    Damage("outcome.answer", "transactions", CHECK_THAT_GREW, {"account_balance": more},
           subject="dedupe_id"),
    Damage("outcome.answer", "transactions", DECLINED, {"account_balance": more},
           subject="dedupe_id"),
    Damage("outcome.answer", "transactions", "kind = 'card' AND amount = 0",
           {"account_balance": more}, subject="dedupe_id"),
    Damage("outcome.answer", "transactions", "kind = 'top_up'", {"dedupe_id": "other"},
           subject="dedupe_id"),
    Damage("transaction.spending", "transactions", DECLINED, {"include_in_spending": 1}),
    Damage("transaction.spending", "transactions", SETTLED, {"include_in_spending": 0}),
    Damage("transaction.spending", "transactions",
           "amount = 0 AND settled_at IS NULL AND amount_is_pending = 0 AND decline_reason IS NULL",
           {"include_in_spending": 1}),
    Damage("transaction.pending", "transactions", PENDING, {"amount_is_pending": 0}),
    Damage("transaction.pending", "transactions", SETTLED, {"amount_is_pending": 1}),
    Damage("transaction.pending", "transactions", DECLINED, {"amount_is_pending": 1}),
    Damage("transaction.amount", "transactions", SETTLED, {"decline_reason": "OTHER"}),
    Damage("transaction.amount", "transactions", DECLINED, {"decline_reason": None}),
    Damage("outcome.answer", "transactions", DECLINED, {"decline_reason": "CARD_BLOCKED"},
           subject="dedupe_id"),
    Damage("authorisation.held", "authorisations", HELD, {"held": more}),
    Damage("authorisation.state", "authorisations", HELD, {"state": "presented"}),
    Damage("authorisation.due", "authorisations", CHECKED, {"state": "expired"}),
    Damage("authorisation.due", "authorisations", "state = 'presented'", {"state": "open"}),
    Damage("transaction.settled", "authorisations", "state = 'presented'", {"state": "expired"},
           subject="transaction_id"),
    Damage("transaction.settled", "authorisations", "state = 'reversed'", {"state": "presented"},
           subject="transaction_id"),
    Damage("authorisation.state", "authorisations", UNDONE, {"state": "expired"}),
    Damage("authorisation.due", "authorisations", HELD, {"expires_at": more}),
    Damage("authorisation.card", "authorisations", changes={"card_id": "card_other"}),
    Damage("authorisation.transaction", "authorisations",
           changes={"transaction_id": NO_TRANSACTION}),
    Damage("account.missing", "authorisations", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.outcome", "authorisations", changes={"id": "auth_other"},
           names_new=True),
    Damage("outcome.unreadable", "outcomes", changes={"outcome": "{"}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'", {"outcome": answer(balance=1)}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'",
           {"outcome": answer(status="declined")}),
    Damage("outcome.answer", "outcomes", "outcome LIKE '%declined%'",
           {"outcome": answer(status="done")}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'",
           {"outcome": answer(decline_reason="OTHER")}),
    Damage("outcome.transaction", "outcomes", "command = 'top_up'",
           {"outcome": answer(transaction_id=NO_TRANSACTION)}),
    Damage("outcome.authorisation", "outcomes", "command = 'increment_authorisation'",
           {"outcome": answer(authorisation_id="auth_other")}),
    Damage("outcome.answer", "outcomes", "command = 'authorise_card'", {"command_id": "other"},
           names_new=True),
    Damage("outcome.answer", "outcomes", PAYER_SIDE, {"command_id": "other"}, names_new=True),
    Damage("outcome.answer", "outcomes", PAYEE_SIDE, {"command_id": "other"}, names_new=True),
    Damage("outcome.answer", "outcomes", "command = 'increment_authorisation'",
           {"command": "top_up"}),
    Damage("account.missing", "outcomes", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.due", "due_work", changes={"due_at": more}),
    Damage("authorisation.due", "due_work", changes={"kind": "other"}),
    Damage("authorisation.due", "due_work", changes={"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", changes={"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", changes={"subject": "auth_other"}, names_new=True),
    Damage("account.owners", "owners", "position = 0", {"position": 2}, subject="account_id"),
    Damage("owner.membership", "owners", changes={"user_id": "user_0000B3wV5n0FxAjLRtSlPc"},
           names_new=True),
    Damage("owner.membership", "memberships", changes={"account_id": NOBODY}),
    Damage("account.missing", "accounts", changes={"id": NOBODY}),
    Damage("account.owners", "accounts", "type = 'uk_retail'", {"type": "uk_retail_joint"}),
]  # fmt: skip

DELETIONS = [
    Damage("balance.missing", "balances"),
    Damage("entry.stray", "entry_sets", "sequence = 1", subject="sequence"),
    Damage("entry.stray", "entry_sets", "sequence = 10", subject="sequence"),
    Damage("transaction.missing", "transactions", SETTLED),
    Damage("transaction.missing", "transactions", PENDING),
    Damage("outcome.transaction", "transactions", DECLINED, subject="dedupe_id"),
    Damage("outcome.transaction", "transactions", "amount = 0 AND dedupe_id <> ''",
           subject="dedupe_id"),
    Damage("transaction.held", "authorisations", HELD, subject="transaction_id"),
    Damage("transaction.pending", "authorisations", CHECKED, subject="transaction_id"),
    Damage("authorisation.due", "due_work"),
    Damage("account.owners", "owners", subject="account_id"),
    Damage("account.owners", "owners", "position = 1", subject="account_id"),
    Damage("owner.membership", "memberships"),
    Damage("account.missing", "accounts"),
]  # fmt: skip

STRAYS = [
    Damage("account.missing", "balances", changes={"account_id": NOBODY}, names_new=True),
    Damage("entry_set.empty", "entry_sets", changes={"sequence": 10**6}),
    Damage("account.missing", "entry_sets", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("entry.stray", "entries", changes={"sequence": 10**6}, names_new=True),
    Damage("transaction.amount", "transactions", SETTLED, {"id": NO_TRANSACTION},
           names_new=True),
    Damage("transaction.outcome", "transactions", DECLINED, {"id": NO_TRANSACTION},
           names_new=True),
    Damage("account.missing", "transactions",
           changes={"id": NO_TRANSACTION, "account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.held", "authorisations", HELD, {"id": "auth_other"}, names_new=True),
    Damage("authorisation.outcome", "authorisations", "state = 'presented'",
           {"id": "auth_other"}, names_new=True),
    Damage("outcome.answer", "outcomes", "command = 'top_up'", {"command_id": "other"},
           names_new=True),
    Damage("account.missing", "outcomes", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("due_work.stray", "due_work", changes={"subject": "auth_other"}, names_new=True),
    Damage("account.owners", "owners",
           changes={"user_id": "user_0000B3wV5n0FxAjLRtSlPc", "position": 1},
           subject="account_id"),
    Damage("account.missing", "owners", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("account.missing", "cards", changes={"id": "card_other", "account_id": NOBODY},
           names_new=True, subject="account_id"),
]  # fmt: skip


def label(damage: Damage) -> str:
    columns = "+".join(damage.changes)
    return f"{damage.table}.{columns}-{damage.code}" if columns else damage.table


async def findings(db: Database) -> set[tuple[str, str]]:
    report = await audit(db)
    assert not report.clean
    return {(finding.code, finding.subject) for finding in report.findings}


@pytest.mark.parametrize("damage", EDITS, ids=label)
async def test_an_edited_row_is_named(busy: Database, saboteur: Saboteur, damage: Damage) -> None:
    row = await saboteur.pick(damage.table, damage.where)
    await saboteur.update(damage.table, row, damage.changed(row))
    assert damage.expected(row) in await findings(busy)


@pytest.mark.parametrize("damage", DELETIONS, ids=label)
async def test_a_deleted_row_is_missed(busy: Database, saboteur: Saboteur, damage: Damage) -> None:
    row = await saboteur.pick(damage.table, damage.where)
    await saboteur.delete(damage.table, row)
    assert damage.expected(row) in await findings(busy)


@pytest.mark.parametrize("damage", STRAYS, ids=label)
async def test_a_row_that_nobody_wrote_is_named(
    busy: Database, saboteur: Saboteur, damage: Damage
) -> None:
    row = await saboteur.pick(damage.table, damage.where)
    await saboteur.insert(damage.table, row | damage.changed(row))
    assert damage.expected(row) in await findings(busy)


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
}


def moved(command: str) -> str:
    """Answers to commands of this type that moved money."""
    return (
        f"command = '{command}' AND outcome LIKE '%done%' AND command_id NOT LIKE '%/credit'"
        " AND EXISTS (SELECT 1 FROM entry_sets e WHERE e.shard = outcomes.shard"
        f" AND e.code = '{CODES[command]}' AND outcome LIKE '%' || e.transaction_id || '%')"
    )


def test_every_command_has_answers_to_damage() -> None:
    assert {str(one.__struct_config__.tag) for one in DECISIONS} == CODES.keys()


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
