"""The operator API's books: entry sets, balances, holds, answers, the audit and the journal."""

import hashlib
import json
import zlib
from typing import Any

import pytest

from minibank.accounts.opening import issue_card
from minibank.audit.marks.marks import UNSEALED
from minibank.core.clock import FakeClock
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant, parse_instant
from minibank.journal.subtotals.rolling import EVERYWHERE, roll_up
from minibank.ledger.chain import GENESIS, hash_of
from minibank.settings import preset
from minibank.worker.audits import AuditSettings, BackgroundAudit
from tests.support.callers import PUBLIC_URL
from tests.support.counting import CountingDatabase
from tests.support.operators import add_key, operator_http, send

DAY = 24 * 3600


async def at_once(_: float) -> None:
    """No pause."""


V1 = "/operator/v1"


class Books:
    """A bank with some days of history, read by an auditor."""

    def __init__(self, bank, api, rails, key_id, clock) -> None:
        self.bank, self.api, self.rails, self.key_id, self.clock = bank, api, rails, key_id, clock
        self.account_id = bank.account.id
        self.held: dict[str, Any] = {}
        self.presented: dict[str, Any] = {}
        self.open: dict[str, Any] = {}

    async def get(self, path, status=200, **query):
        """Read something; the answer, which has this status."""
        answer = await self.api.get(f"{V1}/{path}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def send(self, noun, key="", **body):
        """Move money."""
        answer = await send(self.rails, noun, body, key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def balances(self, **query):
        """The balances of Ada's account by address."""
        found = await self.get(f"accounts/{self.account_id}/balances", **query)
        return {one["address"]: one["amount"] for one in found["balances"]}

    async def journal(self, headers=None, **query):
        """The lines of the journal."""
        answer = await self.api.get(f"{V1}/journal", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.content.splitlines()]


@pytest.fixture
async def books(bank, clock):
    """Three days: a top-up, a hold, its presentment; and Brian with a top-up."""
    key_id, secret = await add_key(bank.db, "rails")
    _, auditor = await add_key(bank.db, "audit")
    async with (
        operator_http(bank.db, auditor) as api,
        operator_http(bank.db, secret) as rails,
    ):
        made = Books(bank, api, rails, key_id, clock)
        card = await bank.db.transact(lambda tx: issue_card(tx, made.account_id, bank.ada.id))
        await made.send("top-ups", "salary", account_id=made.account_id, amount=50_000)
        await made.send("top-ups", account_id=bank.brians_account.id, amount=700)
        clock.advance(DAY)
        held = await made.send(
            "card-authorisations",
            account_id=made.account_id,
            card_id=card.id,
            amount=1_200,
            description="KETTLE AND MOTH",
        )
        made.held = held
        clock.advance(DAY)
        made.presented = await made.send(
            "card-presentments",
            "final",
            account_id=made.account_id,
            authorisation_id=held["authorisation_id"],
            amount=1_500,
        )
        made.open = await made.send(
            "card-authorisations",
            account_id=made.account_id,
            card_id=card.id,
            amount=300,
            description="STILL OPEN",
        )
        yield made


async def test_the_entry_sets_of_an_account_come_in_pages_and_each_by_its_number(books):
    path = f"accounts/{books.account_id}/entry-sets"
    whole = await books.get(path)
    assert [one["sequence"] for one in whole["entry_sets"]] == [1, 2, 3, 4]
    assert [one["code"] for one in whole["entry_sets"]] == [
        *("top_up", "authorisation", "presentment", "authorisation")
    ]
    assert whole["next"] is None
    first = await books.get(path, limit=3)
    rest = await books.get(path, limit=3, after=first["next"])
    assert first["entry_sets"] + rest["entry_sets"] == whole["entry_sets"]
    for one in whole["entry_sets"]:
        assert sum(entry["amount"] for entry in one["entries"]) == 0
        assert await books.get(f"{path}/{one['sequence']}") == one


async def test_a_movement_links_to_entry_sets_that_are_there(books):
    (link,) = books.presented["entry_sets"]
    answer = await books.api.get(link)
    assert answer.json()["transaction_id"] == books.presented["transaction_id"]
    assert answer.json()["forced"] is True


async def test_what_is_shown_of_an_entry_set_proves_its_hash(books):
    previous = GENESIS
    found = await books.get(f"accounts/{books.account_id}/entry-sets")
    for one in found["entry_sets"]:
        assert one["previous_hash"] == previous.hex()
        previous = hash_of(previous, canonical(one))
        assert one["hash"] == previous.hex()


def canonical(one):
    """The form that is hashed, of an entry set as it is shown."""
    entries = [[part["address"], part["amount"], part["currency"]] for part in one["entries"]]
    return [
        *(one["account_id"], one["sequence"], one["id"], one["code"], one["transaction_id"]),
        *(int(one["forced"]), parse_instant(one["happened"]), parse_instant(one["booked"])),
        entries,
    ]


async def test_the_entry_sets_of_a_transaction_are_those_that_moved_its_money(books):
    found = await books.get(f"transactions/{books.held['transaction_id']}/entry-sets")
    assert [one["code"] for one in found["entry_sets"]] == ["authorisation", "presentment"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("accounts/acc_0000B3wV5n0FxAjLRtSlPc/entry-sets", "not_found.account"),
        ("accounts/nonsense/entry-sets", "not_found.account"),
        ("accounts/{account}/entry-sets/99", "not_found.entry_set"),
        ("accounts/{account}/entry-sets/0", "not_found.entry_set"),
        ("accounts/{account}/entry-sets/-1", "not_found.entry_set"),
        ("accounts/{account}/entry-sets/²", "not_found.entry_set"),
        (f"accounts/{{account}}/entry-sets/{'9' * 40}", "not_found.entry_set"),
        ("transactions/tx_0000B3wV5n0FxAjLRtSlPc/entry-sets", "not_found.transaction"),
        ("transactions/tx_0000B3wV5n0FxAjLRtSlPc/answers", "not_found.transaction"),
        ("accounts/nonsense/balances", "not_found.account"),
        ("balances?address=account:main:nonsense", "not_found.account"),
        ("balances?address=pot:nonsense", "not_found.pot"),
        ("answers?account_id={account}&issuer=x&command_id=y", "not_found.answer"),
        ("holds?account_id=nonsense", "not_found.account"),
        ("journal?account_id=nonsense", "not_found.account"),
    ],
)
async def test_what_is_not_there_is_said_to_be_missing(books, path, code):
    answer = await books.api.get(f"{V1}/{path.format(account=books.account_id)}")
    assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("balances", "missing_param.address"),
        ("balances?address=nonsense", "bad_param.address"),
        ("balances?address=scheme:card:settlement&booked_by=yesterday", "bad_param.booked_by"),
        ("trial-balance?happened_by=soon", "bad_param.happened_by"),
        ("accounts/{account}/entry-sets?after=!", "bad_param.after"),
        ("accounts/{account}/entry-sets?limit=0", "bad_param.limit"),
        ("holds?after=abc", "bad_param.after"),
        ("audit/marks?after=abc", "bad_param.after"),
        ("answers?account_id={account}&issuer=x", "missing_param.command_id"),
        ("journal?account_id={account}&after=acc_other:3", "bad_param.after"),
        ("journal?after=17", "bad_param.after"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_name(books, path, name):
    answer = await books.api.get(f"{V1}/{path.format(account=books.account_id)}")
    assert (answer.status_code, answer.json()["code"]) == (400, f"bad_request.{name}")


@pytest.mark.parametrize("rolled_up", [False, True])
async def test_balances_are_those_of_the_instant_that_is_asked_for(books, clock, rolled_up):
    if rolled_up:
        await roll_up(books.bank.db, EVERYWHERE)
    main, held = (f"account:{kind}:{books.account_id}" for kind in ("main", "held"))
    now = await books.balances()
    assert (now[main], now[held]) == (48_200, 300)
    assert sum(now.values()) == 0
    before = format_instant(clock.now() - DAY * 1_000_000)
    for axis in ("booked_by", "happened_by"):
        then = await books.balances(**{axis: before})
        assert (then[main], then[held]) == (48_800, 1_200)
    assert await books.balances(booked_by="2020-01-01T00:00:00Z") == {}


async def test_an_instant_that_an_answer_shows_takes_what_is_shown_with_it(books):
    shown = (await books.get(f"accounts/{books.account_id}/entry-sets"))["entry_sets"][1]
    to_the_millisecond = format_instant(parse_instant(shown["booked"]))
    then = await books.balances(booked_by=to_the_millisecond)
    assert then[f"account:held:{books.account_id}"] == 1_200


async def test_history_written_later_counts_from_when_it_was_booked(books, clock):
    then = format_instant(clock.now())
    clock.advance(DAY)
    await books.send("top-ups", account_id=books.account_id, amount=50, at=then)
    main = f"account:main:{books.account_id}"
    assert (await books.balances(booked_by=then))[main] == 48_200
    assert (await books.balances(happened_by=then))[main] == 48_250
    assert (await books.balances(happened_by=then, booked_by=then))[main] == 48_200


async def test_the_banks_own_addresses_are_summed_over_all_accounts(books, clock):
    async def top_ups(**query):
        found = await books.get("balances", address="scheme:top_up:settlement", **query)
        return [(one["amount"], one["currency"]) for one in found["balances"]]

    assert await top_ups() == [(-50_700, "GBP")]
    await roll_up(books.bank.db, EVERYWHERE)
    assert await top_ups() == [(-50_700, "GBP")]
    assert await top_ups(booked_by="2020-01-01") == []


async def test_the_trial_balance_is_zero_at_every_instant(books, clock):
    for days in (0, 1, 2, 3):
        when = format_instant(clock.now() - days * DAY * 1_000_000)
        trial = await books.get("trial-balance", booked_by=when)
        assert (trial["balanced"], trial["off"]) == (True, {})
    trial = await books.get("trial-balance")
    assert {one["address"]: one["amount"] for one in trial["customers"]} == {
        "account:main": 48_900,
        "account:held": 300,
    }
    assert {one["address"]: one["amount"] for one in trial["bank"]} == {
        "scheme:card:settlement": 1_500,
        "scheme:top_up:settlement": -50_700,
    }


async def test_open_holds_are_listed_with_their_age_until_they_end(books, clock):
    clock.advance(90)
    for query in ({}, {"account_id": books.account_id}):
        (hold,) = (await books.get("holds", **query))["holds"]
        assert hold["authorisation_id"] == books.open["authorisation_id"]
        assert (hold["held"], hold["currency"], hold["age_seconds"]) == (300, "GBP", 90)
        assert hold["expires"] > hold["created"]
    assert (await books.get("holds", account_id=books.bank.brians_account.id))["holds"] == []


async def test_open_holds_of_the_whole_bank_come_in_pages(books):
    for number in range(4):
        await books.send(
            "card-authorisations",
            account_id=books.account_id,
            card_id=(await books.get("holds"))["holds"][0]["card_id"],
            amount=10 + number,
            description="MORE",
        )
    whole = (await books.get("holds"))["holds"]
    assert len(whole) == 5
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await books.get("holds", limit=2, **after)
        found += page["holds"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == whole


async def test_an_answer_is_found_by_the_identity_of_its_command(books):
    found = await books.get(
        "answers", account_id=books.account_id, issuer=books.key_id, command_id="salary"
    )
    assert (found["command"], found["status"], found["balance"]) == ("top_up", "done", 50_000)
    assert found["entry_sets"] == [f"{V1}/accounts/{books.account_id}/entry-sets/1"]


async def test_the_answers_about_a_transaction_are_found_declined_ones_too(books):
    path = f"transactions/{books.held['transaction_id']}/answers"
    found = (await books.get(path))["answers"]
    assert [one["command"] for one in found] == ["authorise_card", "present_card"]
    assert found[1]["command_id"] == "final"
    declined = await books.send(
        "card-authorisations",
        account_id=books.account_id,
        card_id=(await books.get("holds"))["holds"][0]["card_id"],
        amount=10**9,
        description="TOO MUCH",
    )
    assert declined["status"] == "declined"
    found = (await books.get(f"transactions/{declined['transaction_id']}/answers"))["answers"]
    assert [one["decline_reason"] for one in found] == ["INSUFFICIENT_FUNDS"]


async def test_both_sides_of_a_transfer_link_to_their_own_entry_sets(books):
    brian = books.bank.brians_account.id
    sent = await books.send(
        "internal-transfers",
        account_id=books.account_id,
        payee_account_id=brian,
        amount=100,
        description="Rent",
    )
    await each_side_links_to_its_own(books, sent, brian)


async def test_a_command_whose_id_ends_as_a_credit_s_does_is_the_payer_s(books):
    brian = books.bank.brians_account.id
    sent = await books.send(
        "internal-transfers",
        key="rent/credit",
        account_id=books.account_id,
        payee_account_id=brian,
        amount=100,
        description="Rent",
    )
    await each_side_links_to_its_own(books, sent, brian)


async def each_side_links_to_its_own(books, sent, payee):
    for transaction, account in (
        ("transaction_id", books.account_id),
        ("payee_transaction_id", payee),
    ):
        (found,) = (await books.get(f"transactions/{sent[transaction]}/answers"))["answers"]
        assert found["account_id"] == account
        named = {name: found[name] for name in ("account_id", "issuer", "command_id")}
        assert await books.get("answers", **named) == found
        (link,) = found["entry_sets"]
        shown = (await books.api.get(link)).json()
        assert (shown["account_id"], shown["transaction_id"]) == (account, sent[transaction])


async def test_a_round_of_the_audit_is_asked_for_runs_once_and_is_reported(books, clock):
    report = await books.get("audit/report")
    assert (report["clean"], report["requested"]) == (None, None)
    off = await send(books.api, "audit/rounds", {}, "monday")
    assert (off.status_code, off.json()["code"]) == (409, "conflict.audits_off")
    hourly = AuditSettings(interval_seconds=3600, full_days=30)
    background = BackgroundAudit(books.bank.db, UNSEALED, hourly, clock, at_once)
    assert await background.run_round() is not None
    assert await background.run_round() is None
    _, secret = await add_key(books.bank.db, "audit")
    settings = preset("sandbox", public_url=PUBLIC_URL, audit_interval_seconds=3600)
    async with operator_http(books.bank.db, secret, settings) as api:
        asked = await send(api, "audit/rounds", {}, "monday")
        assert asked.status_code == 200, asked.text
        assert asked.json()["requested"] is not None
        assert (await send(api, "audit/rounds", {}, "monday")).json() == asked.json()
    assert await background.run_round() is not None
    assert await background.run_round() is None
    report = await books.get("audit/report")
    assert (report["clean"], report["requested"], report["accounts"]) == (True, None, 2)


async def test_what_the_last_round_found_is_in_the_report_until_the_next_one(books, clock):
    shard = shard_of(books.account_id)
    hourly = AuditSettings(interval_seconds=1, full_days=30)
    background = BackgroundAudit(books.bank.db, UNSEALED, hourly, clock, at_once)

    async def booked(more):
        def damage(tx):
            sql = "UPDATE balances SET booked = booked + $2 WHERE shard = $1 AND account_id = $3"
            return tx.execute(sql, shard, more, books.account_id)

        await books.bank.db.transact(damage)
        clock.advance(2)
        await background.run_round()
        return await books.get("audit/report")

    wrong = await booked(1)
    assert (wrong["clean"], wrong["findings_count"]) == (False, 1)
    assert [one["code"] for one in wrong["findings"]] == ["balance.booked"]
    assert wrong["findings"][0]["account_id"] == books.account_id
    right = await booked(-1)
    assert (right["clean"], right["findings"]) == (True, [])


async def test_it_is_listed_how_far_each_account_was_verified(books):
    marks = await books.get("audit/marks")
    assert {one["account_id"]: one["chain_length"] for one in marks["marks"]} == {
        books.account_id: 4,
        books.bank.brians_account.id: 1,
    }
    assert {one["verified"] for one in marks["marks"]} == {None}


async def test_the_journal_is_whole_and_proves_itself(books):
    answer = await books.api.get(f"{V1}/journal")
    *lines, last = answer.content.splitlines(keepends=True)
    complete = json.loads(last)
    assert complete["type"] == "complete"
    assert (complete["accounts"], complete["entry_sets"]) == (2, 5)
    assert complete["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    heads: dict[str, tuple[int, bytes]] = {}
    for line in map(json.loads, lines[1:]):
        if line["type"] == "account":
            number, head = heads[line["account_id"]]
            assert (line["sequence"], line["hash"]) == (number, head.hex())
        else:
            number, head = heads.get(line["account_id"], (0, GENESIS))
            assert (line["sequence"], line["previous_hash"]) == (number + 1, head.hex())
            heads[line["account_id"]] = (number + 1, hash_of(head, canonical(line)))
    assert len(heads) == 2


async def test_a_journal_that_was_cut_short_goes_on_where_it_ended(books):
    whole = await books.journal()
    sets = [line for line in whole if line["type"] == "entry_set"]
    for number, last in enumerate(sets):
        rest = await books.journal(after=f"{last['account_id']}:{last['sequence']}")
        assert [one for one in rest if one["type"] == "entry_set"] == sets[number + 1 :]
        ends = [one for one in whole if one["type"] == "account"]
        seen = {one["account_id"] for one in sets[:number]} - {last["account_id"]}
        assert [one for one in rest if one["type"] == "account"] == [
            one for one in ends if one["account_id"] not in seen
        ]


async def test_the_journal_of_one_account_is_its_alone(books):
    lines = await books.journal(account_id=books.account_id)
    assert [one.get("sequence") for one in lines if one["type"] == "entry_set"] == [1, 2, 3, 4]
    assert {one["account_id"] for one in lines[1:-1]} == {books.account_id}
    rest = await books.journal(account_id=books.account_id, after="3")
    assert [one["sequence"] for one in rest if one["type"] == "entry_set"] == [4]


async def test_the_journal_comes_compressed_for_who_asks(books):
    plain = await books.api.get(f"{V1}/journal", headers={"accept-encoding": "identity"})
    async with books.api.stream(
        "GET", f"{V1}/journal", headers={"accept-encoding": "gzip"}
    ) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert zlib.decompress(raw, 16 + zlib.MAX_WBITS) == plain.content


@pytest.mark.parametrize("sets", [10, 90])
async def test_reading_costs_the_same_however_much_there_is(books, sets, clock: FakeClock):
    for _ in range(sets):
        clock.advance(DAY / 3)
        await books.send("top-ups", account_id=books.account_id, amount=1)
    await roll_up(books.bank.db, EVERYWHERE)
    counting = CountingDatabase(books.bank.db)
    _, secret = await add_key(books.bank.db, "audit")
    account = f"accounts/{books.account_id}"
    transaction = f"transactions/{books.held['transaction_id']}"
    named = f"account_id={books.account_id}&issuer={books.key_id}&command_id=salary"
    expected = {
        f"{account}/entry-sets": 4,
        f"{account}/entry-sets/3": 3,
        f"{transaction}/entry-sets": 4,
        f"{transaction}/answers": 5,
        f"{account}/balances?booked_by={format_instant(clock.now())}": 4,
        "holds": 2,
        f"answers?{named}": 2,
        "audit/report": 3,
        "audit/marks": 2,
    }
    costs = {}
    async with operator_http(counting, secret) as api:
        # The first uses of a key in a minute are noted.
        for _ in range(2):
            await api.get(f"{V1}/whoami")
        for path in expected:
            counting.statements.clear()
            answer = await api.get(f"{V1}/{path}")
            assert answer.status_code == 200, answer.text
            costs[path] = len(counting.statements)
    assert costs == expected
