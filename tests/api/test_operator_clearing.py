"""Clearing files through the operator API: imported once, reconciled, refused by their lines."""

import asyncio

import pytest

from minibank.accounts.opening import issue_card
from minibank.api.operator import clearing_files
from minibank.audit import audit
from minibank.clearing import store
from minibank.clearing.parsing import COLUMNS
from minibank.core.errors import Unavailable
from minibank.core.instants import format_instant
from tests.support.operators import add_key, operator_http, send

V1 = "/operator/v1"
FILES = f"{V1}/clearing-files"


class Desk:
    """Ada has 50.00 and a card; `rails` puts files in, under an operator key."""

    def __init__(self, bank, api, key_id, card_id) -> None:
        self.bank, self.api, self.key_id, self.card_id = bank, api, key_id, card_id
        self.account_id = bank.account.id
        self.today = format_instant(bank.db.clock.now())[:10]

    def row(self, number, amount=100, **more):
        """A line of a file."""
        values = dict.fromkeys(COLUMNS, "") | {
            "type": "presentment",
            "reference": f"ARN-{number}",
            "card_id": self.card_id,
            "account_id": self.account_id,
            "amount": str(amount),
            "currency": "GBP",
            "description": "SHOP",
            "date": self.today,
        }
        return ",".join((values | more)[name] for name in COLUMNS)

    async def post(self, *rows, key="today", media="text/csv", **query):
        """Send a file of these rows."""
        content = "\n".join([",".join(COLUMNS), *rows]).encode()
        headers = {"Idempotency-Key": key, "Content-Type": media}
        return await self.api.post(FILES, content=content, headers=headers, params=query)

    async def import_(self, *rows, **more):
        """The report of a file that is taken."""
        answer = await self.post(*rows, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path, **query):
        """Something that is there."""
        answer = await self.api.get(f"{FILES}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pay(self, amount):
        """A payment that no file has named."""
        body = {"account_id": self.account_id, "card_id": self.card_id, "amount": amount}
        paid = await send(self.api, "card-presentments", {**body, "description": "SHOP"})
        assert paid.status_code == 200, paid.text
        return paid.json()["transaction_id"]

    async def balance(self):
        """What Ada has to spend."""
        query = {"account_id": self.account_id}
        return (await self.bank.api.get("/balance", params=query)).json()["balance"]


@pytest.fixture
async def desk(bank):
    """A bank where files may come in."""
    card = await bank.db.transact(lambda tx: issue_card(tx, bank.account.id, bank.ada.id))
    key_id, secret = await add_key(bank.db, "rails")
    async with operator_http(bank.db, secret) as api:
        made = Desk(bank, api, key_id, card.id)
        topped = await send(api, "top-ups", {"account_id": made.account_id, "amount": 5000})
        assert topped.status_code == 200
        yield made


async def test_a_file_is_booked_and_reconciled_and_every_row_leads_to_its_entry_sets(desk):
    found, missing = await desk.pay(70), await desk.pay(30)
    report = await desk.import_(
        desk.row(1, 700),
        desk.row(2, 70),
        desk.row(3, 50, type="refund"),
        desk.row(4, 90, card_id="card_nothing"),
        desk.row(1, 700),
    )
    assert report == await desk.get(f"/{report['id']}")
    counts = ("row_count", "matched", "surplus", "duplicate", "pending", "missing")
    assert [report[one] for one in counts] == [5, 3, 1, 1, 0, 1]
    assert (report["day"], report["imported_by"]) == (desk.today, desk.key_id)
    assert report["finished"] is not None
    assert await desk.balance() == 5000 - 70 - 30 - 700 + 50

    def rows(status):
        return desk.get(f"/{report['id']}/rows", status=status)

    matched = (await rows("matched"))["rows"]
    assert [(one["line"], one["reason"]) for one in matched] == [
        (2, "booked"),
        (3, "found"),
        (4, "booked"),
    ]
    assert matched[1]["transaction_id"] == found
    (surplus,) = (await rows("surplus"))["rows"]
    assert (surplus["reason"], surplus["account_id"]) == ("no_card", None)
    (late,) = (await rows("missing"))["rows"]
    assert (late["transaction_id"], late["amount"], late["type"]) == (missing, 30, "presentment")
    assert (late["line"], late["found_in"]) == (None, None)
    (again,) = (await rows("duplicate"))["rows"]
    assert (again["line"], again["reason"], again["entry_sets"]) == (6, "reference", None)
    _, secret = await add_key(desk.bank.db, "audit")
    async with operator_http(desk.bank.db, secret) as auditor:
        for one in (*matched, surplus, late):
            sets = (await auditor.get(one["entry_sets"])).json()["entry_sets"]
            assert {entry["transaction_id"] for entry in sets} == {one["transaction_id"]}
    assert (await audit(desk.bank.db)).findings == []


async def test_the_same_file_changes_nothing_under_the_same_key_or_another(desk):
    first = await desk.import_(desk.row(1, 700))
    assert await desk.import_(desk.row(1, 700)) == first
    octets = await desk.import_(desk.row(1, 700), key="b", media="application/octet-stream")
    assert octets == first
    assert await desk.balance() == 4300


async def test_a_key_that_named_another_file_is_refused_and_nothing_is_booked(desk):
    await desk.import_(desk.row(1, 700))
    for answer in (
        await desk.post(desk.row(2, 700)),
        await desk.post(desk.row(1, 700), day=desk.today),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict.idempotency_key_reused"
    assert await desk.balance() == 4300
    assert len((await desk.get(""))["clearing_files"]) == 1


async def test_the_same_file_sent_many_times_at_once_is_booked_once(desk):
    rows = [desk.row(number, 10) for number in range(20)]
    rows.append(desk.row(20, 10, card_id="card_nothing"))
    await desk.pay(33)
    reports = await asyncio.gather(
        *(desk.import_(*rows, key=f"try-{number % 2}") for number in range(6))
    )
    final = await desk.get(f"/{reports[0]['id']}")
    assert [final[one] for one in ("matched", "surplus", "pending", "missing")] == [20, 1, 0, 1]
    assert await desk.balance() == 5000 - 33 - 200
    assert (await audit(desk.bank.db)).findings == []


async def test_files_with_rows_in_common_at_once_book_each_reference_once(desk):
    rows = [desk.row(number, 10) for number in range(10)]
    files = [[*rows, desk.row(100 + number, 20 + number)] for number in range(4)]
    await asyncio.gather(
        *(desk.import_(*one, key=f"file-{number}") for number, one in enumerate(files))
    )
    assert await desk.balance() == 5000 - 100 - 86
    assert (await audit(desk.bank.db)).findings == []


async def test_a_bad_file_is_refused_by_line_and_column_and_its_key_stays_free(desk):
    good, bad = desk.row(1), desk.row(2, currency="gbp", amount="1.50")
    refused = await desk.post(good, bad)
    assert refused.status_code == 400
    told = refused.json()
    assert told["code"] == "bad_request.bad_clearing_file"
    assert told["message"].startswith("Line 3, amount: ")
    assert set(told["params"]) == {"line 3, amount", "line 3, currency"}
    assert (await desk.get(""))["clearing_files"] == []
    assert await desk.balance() == 5000
    await desk.import_(good)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", ",".join(COLUMNS).encode(), b'"' * 500]
)
async def test_what_is_no_clearing_file_is_refused(desk, content):
    headers = {"Idempotency-Key": "1", "Content-Type": "text/csv"}
    answer = await desk.api.post(FILES, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request.bad_clearing_file")


async def test_what_cannot_be_understood_is_refused_before_anything_is_read(desk):
    row = desk.row(1)
    for answer, code in (
        (await desk.post(row, media="application/json"), "bad_request.bad_body"),
        (await desk.post(row, dry_run="true"), "bad_request.bad_param.dry_run"),
        (await desk.post(row, day="yesterday"), "bad_request.bad_param.day"),
        (await desk.post(row, day="0001-01-01"), "bad_request.bad_param.day"),
        (await desk.post(row, day="9999-12-31"), "bad_request.bad_param.day"),
        (await desk.api.post(FILES, content=b""), "bad_request.missing_header.idempotency_key"),
        (await desk.api.get(f"{FILES}/clearing_nothing"), "not_found.clearing_file"),
        (await desk.api.get(f"{FILES}/a%00b/rows"), "not_found.clearing_file"),
        (await desk.api.get(f"{FILES}/%ed%a0%80"), "not_found.clearing_file"),
        (await desk.api.get(f"{FILES}/x/rows?status=lost"), "bad_request.bad_param.status"),
        (await desk.api.get(f"{FILES}/x/rows?after=zzz"), "bad_request.bad_param.after"),
        (await desk.api.get(f"{FILES}?after=zzz"), "bad_request.bad_param.after"),
    ):
        assert answer.json()["code"] == code
    assert await desk.balance() == 5000


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_file_that_is_too_large_is_refused_while_it_comes(desk, monkeypatch, is_declared):
    monkeypatch.setattr(clearing_files, "BYTES_MAX", 1000)
    sent = []

    async def parts():
        for _ in range(100):
            sent.append(1)
            yield b"x" * 100

    headers = {"Idempotency-Key": "1", "Content-Type": "text/csv"}
    if is_declared:
        headers["Content-Length"] = "10000"
    answer = await desk.api.post(FILES, content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "bad_request.too_large")
    assert len(sent) == (0 if is_declared else 11)


async def test_nobody_without_the_scope_has_a_byte_of_a_file_read(desk):
    sent = []

    async def parts():
        sent.append(1)
        yield b"x"

    _, secret = await add_key(desk.bank.db, "customers", "audit", "sandbox")
    for given, status in ((secret, 403), ("", 401)):
        async with operator_http(desk.bank.db, given) as api:
            headers = {"Idempotency-Key": "1", "Content-Type": "text/csv"}
            answer = await api.post(FILES, content=parts(), headers=headers)
            assert answer.status_code == status
    assert sent == []


async def test_an_import_that_was_cut_short_goes_on_when_it_is_sent_again(desk, monkeypatch):
    finish = store.finish_file

    async def fail(*_):
        raise Unavailable("unavailable.database", "away", retry_after=1)

    monkeypatch.setattr(store, "finish_file", fail)
    await desk.pay(33)
    answer = await desk.post(desk.row(1, 700))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable.database")
    (listed,) = (await desk.get(""))["clearing_files"]
    assert listed["finished"] is None
    monkeypatch.setattr(store, "finish_file", finish)
    report = await desk.import_(desk.row(1, 700))
    assert (report["matched"], report["missing"]) == (1, 1)
    assert report["finished"] is not None
    assert await desk.balance() == 5000 - 33 - 700


async def test_files_and_their_rows_are_paged(desk, clock):
    reports = []
    for number in range(3):
        rows = [desk.row(f"{number}-{one}", 1) for one in range(3)]
        reports.append(await desk.import_(*rows, key=f"file-{number}"))
        clock.advance(1)
    for amount in (11, 12, 13):
        await desk.pay(amount)
    newest = await desk.import_(desk.row("last", 1), key="last")

    async def pages(path, name, **query):
        found: list[dict[str, object]] = []
        after: str | None = ""
        while after is not None:
            page = await desk.get(path, limit=2, after=after, **query)
            assert len(page[name]) <= 2
            found += page[name]
            after = page["next"]
        return found

    files = await pages("", "clearing_files")
    assert [one["id"] for one in files] == [newest["id"], *(one["id"] for one in reports[::-1])]
    place = f"/{reports[0]['id']}/rows"
    for query in ({}, {"status": "matched"}):
        assert [one["line"] for one in await pages(place, "rows", **query)] == [2, 3, 4]
    missing = await pages(f"/{newest['id']}/rows", "rows", status="missing")
    assert sorted(one["amount"] for one in missing) == [11, 12, 13]


async def test_whoever_put_a_file_in_is_told_of_in_the_list_of_requests(desk):
    report = await desk.import_(desk.row(1))
    _, secret = await add_key(desk.bank.db, "audit")
    async with operator_http(desk.bank.db, secret) as auditor:
        (noted,) = (await auditor.get(f"{V1}/requests")).json()["requests"]
    assert noted["subject"] == report["id"]
    assert noted["operation"] == "POST /operator/v1/clearing-files"
