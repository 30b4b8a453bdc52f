"""Clearing files against the books: matched, surplus, duplicate and missing; safe to repeat."""

import io
from typing import Any

import pytest

from minibank.accounts.opening import set_account_state
from minibank.audit import audit
from minibank.clearing import store
from minibank.clearing.importing import check_file, import_file
from minibank.clearing.parsing import COLUMNS
from minibank.clearing.records import ClearingReport, ClearingRow
from minibank.core.clock import FakeClock
from minibank.core.errors import Unavailable
from minibank.core.instants import format_instant
from minibank.db import Database
from minibank.ledger.entries import SUSPENSE
from minibank.payments.engine import Engine
from tests.support.banking import Holder, open_holder, read_funds, read_transaction
from tests.support.rails import Rails, suspense_of

rails = Rails("scheme")


class Desk:
    """A bank with a customer who has paid by card, and the file of the day."""

    def __init__(self, db: Database, ada: Holder) -> None:
        self.db, self.ada, self.engine = db, ada, Engine(db)
        self.rows: list[dict[str, Any]] = []

    async def hold(self, amount: int) -> str:
        outcome = await self.engine.execute(rails.authorise(self.ada, amount))
        return str(outcome.authorisation_id)

    def add(self, **row: Any) -> None:
        day = format_instant(self.db.clock.now())[:10]
        base = dict.fromkeys(COLUMNS, "") | {
            "type": "presentment",
            "reference": f"ARN-{len(self.rows)}",
            "amount": 100,
            "currency": "GBP",
            "description": "SHOP",
            "date": day,
        }
        self.rows.append(base | row)

    def content(self) -> bytes:
        lines = [",".join(COLUMNS), *(",".join(str(r[c]) for c in COLUMNS) for r in self.rows)]
        return "\n".join(lines).encode()

    async def import_(self) -> ClearingReport:
        content = self.content()
        return await import_file(self.db, self.engine, lambda: io.BytesIO(content), "test")

    async def listed(self, report: ClearingReport, status: str) -> list[ClearingRow]:
        file_id = report.file.id
        return await self.db.read(lambda tx: store.list_rows_of(tx, file_id, status, 0, 1000))


@pytest.fixture
async def desk(db: Database) -> Desk:
    """Ada has 1000."""
    return Desk(db, await open_holder(db, 1000))


def counts(report: ClearingReport) -> tuple[int, ...]:
    return report.matched, report.surplus, report.duplicate, report.pending, report.missing


async def test_rows_that_fit_are_booked_and_the_books_prove(desk: Desk) -> None:
    held = await desk.hold(300)
    desk.add(authorisation_id=held, amount=280)
    desk.add(card_id=desk.ada.card_id, account_id=desk.ada.account_id, amount=50)
    desk.add(authorisation_id=held, type="refund", amount=20)
    report = await desk.import_()
    assert counts(report) == (3, 0, 0, 0, 0)
    assert (await read_funds(desk.db, desk.ada)).booked == 1000 - 280 - 50 + 20
    for row in await desk.listed(report, "matched"):
        assert (row.reason, row.booked_on) == ("booked", desk.ada.account_id)
        await read_transaction(desk.db, row.transaction_id)
    assert (await audit(desk.db)).findings == []


async def test_importing_twice_changes_nothing(desk: Desk) -> None:
    desk.add(authorisation_id=await desk.hold(300), amount=280)
    desk.add(authorisation_id="auth_nothing")
    first = await desk.import_()
    commands = desk.engine.counters.commands
    assert await desk.import_() == first
    assert desk.engine.counters.commands == commands


async def test_what_fits_no_account_is_in_suspense_until_it_is_resolved(desk: Desk) -> None:
    desk.add(authorisation_id="auth_nothing", amount=70)
    desk.add(card_id="card_nothing", account_id=desk.ada.account_id, amount=30, type="refund")
    desk.add(card_id=desk.ada.card_id, account_id=desk.ada.account_id, currency="EUR")
    report = await desk.import_()
    assert counts(report) == (0, 3, 0, 0, 0)
    rows = await desk.listed(report, "surplus")
    assert [one.reason for one in rows] == ["no_authorisation", "no_card", "currency"]
    positions = (await audit(desk.db)).positions
    assert (positions[SUSPENSE, "GBP"], positions[SUSPENSE, "EUR"]) == (-40, -100)
    bank = await suspense_of(desk.db)
    assert rows[0].booked_on == bank.account_id
    await desk.engine.execute(rails.clear(bank, rows[0].transaction_id, desk.ada))
    assert (await read_funds(desk.db, desk.ada)).booked == 930
    found = await audit(desk.db)
    assert (found.findings, found.positions[SUSPENSE, "GBP"]) == ([], 30)


async def test_a_refund_for_a_closed_account_is_a_surplus_on_that_account(desk: Desk) -> None:
    gone = await open_holder(desk.db)
    await desk.db.transact(lambda tx: set_account_state(tx, gone.account_id, "closed"))
    desk.add(card_id=gone.card_id, account_id=gone.account_id, type="refund")
    report = await desk.import_()
    [row] = await desk.listed(report, "surplus")
    assert (row.reason, row.booked_on) == ("account_closed", gone.account_id)


async def test_what_the_books_have_already_is_found_and_not_booked_again(desk: Desk) -> None:
    held = await desk.hold(300)
    await desk.engine.execute(rails.present(desk.ada, 280, held))
    await desk.engine.execute(rails.present(desk.ada, 50))
    desk.add(authorisation_id=held, amount=280)
    desk.add(card_id=desk.ada.card_id, account_id=desk.ada.account_id, amount=50)
    desk.add(card_id=desk.ada.card_id, account_id=desk.ada.account_id, amount=50)
    report = await desk.import_()
    assert counts(report) == (3, 0, 0, 0, 0)
    reasons = [one.reason for one in await desk.listed(report, "matched")]
    assert reasons == ["found", "found", "booked"], "the third is another payment"
    assert (await read_funds(desk.db, desk.ada)).booked == 1000 - 280 - 50 - 50


async def test_a_name_of_the_schemes_is_booked_once_in_whichever_file_it_comes(desk: Desk) -> None:
    card = {"card_id": desk.ada.card_id, "account_id": desk.ada.account_id}
    desk.add(reference="ARN", **card)
    desk.add(reference="ARN", **card)
    assert counts(await desk.import_()) == (1, 0, 1, 0, 0)
    desk.rows = []
    desk.add(reference="ARN", amount=99, **card)
    assert counts(await desk.import_()) == (0, 0, 1, 0, 0)
    assert (await read_funds(desk.db, desk.ada)).booked == 900


async def test_what_no_row_names_is_missing_until_a_later_file_names_it(
    desk: Desk, clock: FakeClock
) -> None:
    late = await desk.hold(300)
    unseen = await desk.engine.execute(rails.present(desk.ada, 60))
    undone = await desk.hold(5)
    await desk.engine.execute(rails.reverse(desk.ada, undone))
    desk.add(card_id=desk.ada.card_id, account_id=desk.ada.account_id)
    first = await desk.import_()
    assert counts(first) == (1, 0, 0, 0, 2)
    clock.advance(86_400)
    desk.rows = []
    desk.add(authorisation_id=late, amount=300, reference="LATE")
    second = await desk.import_()
    assert counts(second) == (1, 0, 0, 0, 0)
    file_id = first.file.id
    missing = await desk.db.read(lambda tx: store.list_missing(tx, file_id, "", 10))
    found = {one.transaction_id: one.found_in for one in missing}
    assert found.pop(str(unseen.transaction_id)) == ""
    assert list(found.values()) == [second.file.id]


async def test_an_import_that_was_cut_short_is_taken_up_where_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minibank.clearing.importing.PART", 2)
    for _ in range(3):
        desk.add(authorisation_id=await desk.hold(100))
    desk.add(authorisation_id="auth_nothing")
    update = store.update_rows
    calls = []

    async def fail_once(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise Unavailable("unavailable.database", "away")
        await update(*args)

    monkeypatch.setattr(store, "update_rows", fail_once)
    with pytest.raises(Unavailable):
        await desk.import_()
    report = await desk.import_()
    assert counts(report) == (3, 1, 0, 0, 0)
    assert (await read_funds(desk.db, desk.ada)).booked == 700
    assert (await audit(desk.db)).positions[SUSPENSE, "GBP"] == -100


async def test_a_refund_that_names_its_authorisation_is_not_booked_again(desk: Desk) -> None:
    held = await desk.hold(200)
    await desk.engine.execute(rails.present(desk.ada, 200, authorisation_id=held))
    await desk.engine.execute(rails.refund(desk.ada, 200))
    before = await read_funds(desk.db, desk.ada)
    desk.add(authorisation_id=held, type="refund", amount=200)
    report = await desk.import_()
    assert counts(report) == (1, 0, 0, 0, 1), "the payment itself is missing from the file"
    assert [one.reason for one in await desk.listed(report, "matched")] == ["found"]
    assert await read_funds(desk.db, desk.ada) == before


async def in_dispute(desk: Desk, amount: int) -> tuple[str, str]:
    """An authorisation whose payment is in dispute, and the payment."""
    held = await desk.hold(amount)
    presented = rails.present(desk.ada, amount, authorisation_id=held)
    paid = str((await desk.engine.execute(presented)).transaction_id)
    await desk.engine.execute(rails.dispute(desk.ada, paid))
    return held, paid


async def test_a_refund_of_what_a_dispute_has_given_back_is_a_surplus_on_the_account(
    desk: Desk,
) -> None:
    held, _ = await in_dispute(desk, 280)
    desk.add(authorisation_id=held, type="refund", amount=200)
    report = await desk.import_()
    assert counts(report) == (0, 1, 0, 0, 1), "the payment itself is missing from the file"
    [row] = await desk.listed(report, "surplus")
    assert (row.reason, row.booked_on) == ("disputed", desk.ada.account_id)
    found = await audit(desk.db)
    assert (found.findings, found.positions[SUSPENSE, "GBP"]) == ([], 200)


async def test_a_refund_that_was_told_before_and_is_in_suspense_is_found_there(desk: Desk) -> None:
    held, paid = await in_dispute(desk, 280)
    told = rails.refund(desk.ada, 200, original_transaction_id=paid)
    suspended = await desk.engine.execute(told)
    assert suspended.status == "declined"
    desk.add(authorisation_id=held, type="refund", amount=200)
    report = await desk.import_()
    [row] = await desk.listed(report, "matched")
    assert (row.reason, row.transaction_id) == ("found", suspended.transaction_id)
    assert (await audit(desk.db)).positions[SUSPENSE, "GBP"] == 200


async def test_what_has_left_suspense_is_not_taken_for_another_row(desk: Desk) -> None:
    held, _ = await in_dispute(desk, 280)
    desk.add(authorisation_id=held, type="refund", amount=200)
    [row] = await desk.listed(await desk.import_(), "surplus")
    await desk.engine.execute(rails.clear(desk.ada, row.transaction_id, desk.ada))
    before = await read_funds(desk.db, desk.ada)
    desk.rows.clear()
    desk.add(
        card_id=desk.ada.card_id,
        account_id=desk.ada.account_id,
        type="refund",
        amount=200,
        reference="ARN-other",
    )
    report = await desk.import_()
    assert [one.reason for one in await desk.listed(report, "matched")] == ["booked"]
    assert (await read_funds(desk.db, desk.ada)).booked == before.booked + 200


async def test_a_row_whose_command_was_another_once_is_not_booked_again(desk: Desk) -> None:
    held = await desk.hold(300)
    await desk.engine.execute(rails.present(desk.ada, 300, authorisation_id=held))
    desk.add(authorisation_id=held, type="refund", amount=200)
    content = desk.content()
    file = await check_file(desk.db, lambda: io.BytesIO(content), "test", None)
    file_id = file.id
    once = rails.refund(desk.ada, 200, issuer="clearing", id=f"{file_id}/2")
    booked = await desk.engine.execute(once)
    report = await desk.import_()
    [row] = await desk.listed(report, "matched")
    assert (row.reason, row.transaction_id) == ("booked", booked.transaction_id)
    assert SUSPENSE not in {address for address, _ in (await audit(desk.db)).positions}


async def test_a_payment_that_was_presented_for_another_amount_is_not_taken_twice(
    desk: Desk,
) -> None:
    held = await desk.hold(200)
    await desk.engine.execute(rails.present(desk.ada, 200, authorisation_id=held))
    before = await read_funds(desk.db, desk.ada)
    desk.add(authorisation_id=held, amount=201)
    report = await desk.import_()
    assert [one.reason for one in await desk.listed(report, "matched")] == ["amount_differs"]
    assert await read_funds(desk.db, desk.ada) == before
