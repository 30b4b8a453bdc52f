"""A person gets all that the bank holds about them, and nothing about anybody else."""

import json
from typing import Any

import pytest

from minibank.core.clock import FakeClock
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.privacy import books, export
from minibank.privacy.export import FORMAT, Lines, Subject, export_person
from minibank.privacy.inventory import INVENTORY
from minibank.privacy.messages import exporting
from tests.support.banking import Orders, list_history, open_holder, read_funds
from tests.support.counting import CountingDatabase
from tests.support.outbox import claim, end_attempt
from tests.support.personal import EMAIL, NAME, Life, dump, live


@pytest.fixture
async def life(db: Database, clock: FakeClock) -> Life:
    return await live(db, clock)


async def exported(db: Database, life: Life) -> list[dict[str, Any]]:
    """The lines about Ada."""
    written: list[bytes] = []
    url = "https://bank.example"
    subject = Subject(life.ada, "MONZGB2L", url, url, "sandbox")
    await db.snapshot(lambda tx: export_person(tx, subject, Lines(written.append)))
    return [json.loads(line) for line in b"".join(written).splitlines()]


def of(lines: list[dict[str, Any]], record: str) -> list[dict[str, Any]]:
    return [line["data"] for line in lines if line["record"] == record]


async def test_every_table_of_customers_is_in_the_export_unless_it_is_explained(
    db: Database, life: Life
):
    lines = await exported(db, life)
    rows = await dump(db)
    for table, held in INVENTORY.items():
        if held.shown_as:
            assert rows[table], f"nothing in {table}: this test would prove nothing"
            assert of(lines, held.shown_as), table
    assert {line["record"] for line in lines} == {
        *(held.shown_as for held in INVENTORY.values() if held.shown_as),
        *("export", "end"),
    }


async def test_every_row_on_the_person_s_accounts_is_there(db: Database, life: Life):
    lines, rows = await exported(db, life), await dump(db)
    accounts = {life.own.account_id, life.joint.account_id}
    for table, key in {
        "transactions": "id",
        "entry_sets": "id",
        "authorisations": "id",
        "outcomes": "command_id",
    }.items():
        want = sorted(row[key] for row in rows[table] if row["account_id"] in accounts)
        name = "id" if table == "outcomes" else key
        assert sorted(one[name] for one in of(lines, INVENTORY[table].shown_as)) == want
    saved = {row["id"] for row in rows["pots"] if row["account_id"] in accounts}
    assert {one["pot"]["id"] for one in of(lines, "pot")} == saved
    items = {row["id"] for row in rows["feed_items"]}
    assert {one["id"] for one in of(lines, "feed_item")} == items
    hers = {row["id"] for row in rows["webhooks"] if row["user_id"] == life.ada.id}
    assert {one["id"] for one in of(lines, "webhook")} == hers
    told = {row["id"] for row in rows["deliveries"] if row["webhook_id"] in hers}
    assert {one["id"] for one in of(lines, "delivery")} == told
    for record, table in (("feed_key", "feed_keys"), ("feed_dismissal", "feed_dismissals")):
        own = [row for row in rows[table] if row["user_id"] == life.ada.id]
        assert len(of(lines, record)) == len(own) > 0
    tried = [row for row in rows["delivery_attempts"] if row["webhook_id"] in hers]
    assert len(of(lines, "delivery_attempt")) == len(tried) > 0
    entries = [entry for one in of(lines, "entry_set") for entry in one["entries"]]
    assert len(entries) == sum(row["account_id"] in accounts for row in rows["entries"])
    ours = {one["id"] for one in of(lines, "transaction")}
    for table in ("annotations", "note_changes"):
        assert len(of(lines, INVENTORY[table].shown_as)) == len(rows[table])
        assert {one["transaction_id"] for one in of(lines, INVENTORY[table].shown_as)} <= ours


async def test_the_person_the_sign_ins_and_what_went_wrong_with_them_are_there(
    db: Database, life: Life
):
    lines = await exported(db, life)
    assert lines[0]["data"]["format"] == FORMAT
    [person] = of(lines, "person")
    assert (person["id"], person["email"], person["name"]) == (life.ada.id, EMAIL, NAME)
    [pair] = of(lines, "token_pair")
    assert (pair["client_id"], pair["client_name"]) == (life.app.id, "An app")
    assert [one["reuse_count"] for one in of(lines, "former_token") if one["reused"]] == [1]
    [guesses] = of(lines, "failed_guesses")
    assert (guesses["client_id"], guesses["failures"]) == (life.app.id, 1)


async def test_transactions_are_as_on_the_wire_with_their_merchant(db: Database, life: Life):
    lines = await exported(db, life)
    [paid] = [one for one in of(lines, "transaction") if one["amount"] == -700]
    assert paid["merchant"]["name"] == "Shop"
    assert paid["metadata"]["who"] == "Unmistakable"


async def test_a_delivery_says_what_was_told_and_a_webhook_where(db: Database, life: Life):
    lines = await exported(db, life)
    assert {one["url"] for one in of(lines, "webhook")} == {"https://Unmistakable.example/hook"}
    told = {one["subject"]: one["payload"]["data"] for one in of(lines, "delivery")}
    [paid] = [one for one in of(lines, "transaction") if one["amount"] == -700]
    assert told[paid["id"]]["description"] == paid["description"]
    assert of(lines, "feed_item")[0]["params"]["title"] == "Unmistakable item"


async def test_a_receipt_is_shown_as_it_was_put_and_nobody_else_s(
    db: Database, life: Life, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "PAGE", 4)
    receipts = of(await exported(db, life), "receipt")
    rows = [one for one in (await dump(db))["receipts"] if one["user_id"] == life.ada.id]
    assert sorted(one["id"] for one in receipts) == sorted(one["id"] for one in rows)
    assert len(receipts) == 6
    first = receipts[0]
    assert (first["client_id"], first["external_id"]) == (life.app.id, "Unmistakable-False-0")
    assert first["content"]["items"][1]["quantity"] == 18.56
    assert first["content"]["merchant"]["name"] == "Unmistakable shop"


async def test_an_attempt_says_what_was_sent_and_what_came_back(db: Database, life: Life):
    lines = await exported(db, life)
    first = of(lines, "delivery_attempt")[0]
    assert first["webhook_id"] == life.webhooks["own"].id
    assert (first["sequence"], first["attempt"], first["status"]) == (1, 1, 500)
    assert first["request_headers"] == [["Webhook-Signature", "v1,own-Unmistakable"]]
    [delivery] = [
        one
        for one in of(lines, "delivery")
        if (one["webhook_id"], one["sequence"]) == (first["webhook_id"], 1)
    ]
    assert json.loads(first["excerpt"]) == delivery["payload"]
    assert delivery["attempts"] == 1


async def test_an_answer_that_is_no_text_is_exported_all_the_same(db: Database, life: Life):
    webhook = life.webhooks["own"]
    await end_attempt(db, await claim(db, webhook, 1), 500, excerpt=b"caf\xc3\xa9 \xff")
    said = {one["excerpt"] for one in of(await exported(db, life), "delivery_attempt")}
    assert "caf\u00e9 \\xff" in said


async def test_no_secret_and_no_digest_is_in_an_export(db: Database, life: Life):
    text = json.dumps(await exported(db, life))
    assert "argon2" not in text
    for table, column in (
        ("token_pairs", "access_digest"),
        ("token_pairs", "refresh_digest"),
        ("former_tokens", "digest"),
        ("outcomes", "digest"),
    ):
        for row in (await dump(db))[table]:
            assert row[column].hex() not in text
    assert not any(token in text for token in life.tokens.values())


async def test_of_a_joint_account_the_other_owner_stays_private(db: Database, life: Life):
    lines = await exported(db, life)
    [joint] = [one for one in of(lines, "account") if one["other_owners"]]
    assert [owner["user_id"] for owner in joint["account"]["owners"]] == [life.ada.id]
    assert {one["id"] for one in of(lines, "card")} == {life.own.card_id, life.joint.card_id}
    paid_bob = {"transaction", "delivery"}
    about_bob = [
        line
        for line in lines
        if life.bob.id in json.dumps(line)
        and line["record"] not in paid_bob
        and line["data"].get("webhook_id") != life.webhooks["own"].id
    ]
    assert about_bob == []
    shared = life.webhooks["joint"].id
    answers = [one for one in of(lines, "delivery_attempt") if one["webhook_id"] == shared]
    assert any('"counterparty":{' in one["excerpt"] for one in answers)
    assert "bob@example.com" not in json.dumps(lines)


async def test_the_last_line_counts_the_others(db: Database, life: Life):
    lines = await exported(db, life)
    counts = lines[-1]["data"]["counts"]
    assert lines[-1]["record"] == "end"
    assert sum(counts.values()) == len(lines) - 1
    assert counts["transaction"] == len(of(lines, "transaction"))


async def test_a_long_history_is_read_in_pages_and_is_all_there(
    db: Database, life: Life, monkeypatch: pytest.MonkeyPatch
):
    whole = await exported(db, life)
    for module in (books, export, exporting):
        monkeypatch.setattr(module, "PAGE", 2)
    counting = CountingDatabase(db)
    paged = await exported(counting, life)
    assert len(counting.statements) > len(await list_history(db, life.own))

    def sorted_lines(lines: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(line, sort_keys=True) for line in lines)

    assert sorted_lines(paged) == sorted_lines(whole)


async def test_who_was_paid_is_not_told_what_the_payer_had_left(db: Database, life: Life):
    orders, engine = Orders("payers"), Engine(db)
    eve = await open_holder(db, 77_777)
    await engine.execute(orders.between(eve, life.own, 100, id="in"))
    await engine.execute(orders.between(life.own, eve, 50, id="out/credit"))
    commands = {one["id"]: one["outcome"] for one in of(await exported(db, life), "command")}
    came = commands[f"{eve.account_id}/in/credit"]
    assert came["status"] == "done"
    assert set(came) == {"status", "transaction_id", "payee_transaction_id", "payee_entry_sets"}
    assert commands["out/credit"]["balance"] == (await read_funds(db, life.own)).available
    assert len(commands["out/credit"]["entry_sets"]) == 1
