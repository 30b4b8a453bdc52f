"""`since`, `before` and `limit` on GET /transactions."""

import pytest

from minibank.core.ids import compose, shard_of
from minibank.core.instants import format_instant
from minibank.oauth.records import ClientOptions
from tests.support.callers import add_client, add_token, http
from tests.support.histories import put, transaction

SECOND = 1_000_000


@pytest.fixture
async def history(bank, clock):
    """Five transactions; the middle three share a microsecond, the others are a second away."""
    at = clock.now() - 100 * SECOND + 123_456
    rows = [
        transaction(bank.account.id, created_at)
        for created_at in (at - SECOND, at, at, at, at + SECOND)
    ]
    rows.sort(key=lambda row: (row.created_at, row.id))
    await put(bank.db, rows[::-1])
    return rows


async def _page(bank, **query):
    params = {"account_id": bank.account.id, **query}
    answer = await bank.api.get("/transactions", params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["transactions"]]


def _ids(rows):
    return [row.id for row in rows]


async def test_a_history_is_listed_oldest_first_and_ties_by_id(bank, history):
    assert await _page(bank) == _ids(history)


async def test_an_empty_history_is_an_empty_list(bank):
    answer = await bank.api.get("/transactions", params={"account_id": bank.account.id})
    assert answer.json() == {"transactions": []}


async def test_empty_parameters_are_as_good_as_absent(bank, history):
    assert await _page(bank, since="", before="", limit="") == _ids(history)


async def test_a_walk_by_last_id_visits_each_row_once_and_ends_on_an_empty_page(bank, history):
    seen: list[str] = []
    page = await _page(bank, limit=1)
    while page:
        seen += page
        page = await _page(bank, limit=1, since=seen[-1])
    assert seen == _ids(history)


async def test_a_timestamp_is_inclusive_in_since_and_exclusive_in_before(bank, history):
    for place, row in enumerate(history):
        created = format_instant(row.created_at)
        first = 1 if 1 <= place <= 3 else place
        assert await _page(bank, since=created) == _ids(history[first:])
        assert await _page(bank, before=created) == _ids(history[:first])


async def test_an_id_is_exclusive_in_since_and_before(bank, history):
    assert await _page(bank, since=history[1].id) == _ids(history[2:])
    assert await _page(bank, before=history[3].id) == _ids(history[:3])
    assert await _page(bank, since=history[0].id, before=history[3].id) == _ids(history[1:3])


async def test_the_first_instant_of_all_stands_for_never(bank, history):
    assert await _page(bank, since="0001-01-01T00:00:00Z") == _ids(history)
    assert await _page(bank, before="0001-01-01T00:00:00Z") == []


async def test_since_after_before_is_an_empty_page(bank, history):
    assert await _page(bank, since=history[3].id, before=history[1].id) == []
    assert await _page(bank, since="2027-01-01T00:00:00Z", before="2026-01-01T00:00:00Z") == []


async def test_a_limit_takes_the_oldest_even_with_before(bank, history):
    assert await _page(bank, limit=2) == _ids(history[:2])
    assert await _page(bank, limit=2, before=history[4].id) == _ids(history[:2])


async def test_timestamps_are_read_in_every_spelling_that_clients_send(bank, history):
    for spelling in [
        "{date}T{time}Z",
        "{date}t{time}z",
        "{date} {time}",
        "{date}T{time}",
        "{date}T{time}.123456Z",
        "{date}T{time}.123456789Z",
        "{date}T{time} 00:00",
        "{date}T{time}+00:00",
        "{date}T{time}+00:00Z",
        "{date} {time}.123456+00:00",
    ]:
        date, time = format_instant(history[1].created_at)[:19].split("T")
        since = spelling.format(date=date, time=time)
        assert await _page(bank, since=since) == _ids(history[1:])
        assert await _page(bank, since=date) == _ids(history)


async def test_an_offset_moves_the_instant(bank, history):
    date, _ = format_instant(history[1].created_at)[:19].split("T")
    assert await _page(bank, since=f"{date}T23:00:00+23:59") == _ids(history)
    assert await _page(bank, since=f"{date}T12:00:00-01:00") == []


async def test_a_bound_that_means_nothing_is_refused_by_name(bank):
    for name, value in [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "1.5"),
        ("limit", "1e2"),
        ("since", "yesterday"),
        ("since", "2026-13-01T00:00:00Z"),
        ("since", "2026-01-01T25:00:00Z"),
        ("since", "1700000000"),
        ("since", "0000-01-01T00:00:00Z"),
        ("since", "9999-12-31T23:59:59-23:59"),
        ("before", "tomorrow"),
        ("since", "tx_unknown"),
        ("before", "tx_unknown"),
        ("since", "anything_else"),
        ("since", "a\x00b"),
    ]:
        params = {"account_id": bank.account.id, name: value}
        answer = await bank.api.get("/transactions", params=params)
        assert answer.status_code == 400
        assert answer.json()["code"] == f"bad_request.bad_param.{name}"


async def test_a_transaction_of_another_account_bounds_nothing(bank, history, clock):
    foreign = transaction(bank.brians_account.id, clock.now())
    shard = shard_of(bank.account.id)
    assert shard is not None
    nowhere = compose("tx", clock.now(), shard, 1, 1)
    await put(bank.db, [foreign])
    for unknown in (foreign.id, nowhere):
        params = {"account_id": bank.account.id, "since": unknown}
        answer = await bank.api.get("/transactions", params=params)
        assert answer.status_code == 400
        assert answer.json()["code"] == "bad_request.bad_param.since"
    foreign_list = {"account_id": bank.brians_account.id, "since": foreign.id}
    assert (await bank.api.get("/transactions", params=foreign_list)).status_code == 403


async def test_the_default_page_follows_the_client_and_no_page_is_beyond_a_hundred(bank, clock):
    rows = [transaction(bank.account.id, clock.now() - 10**9 + n) for n in range(120)]
    await put(bank.db, rows)
    assert await _page(bank) == _ids(rows[:30])
    assert await _page(bank, limit=100) == _ids(rows[:100])
    assert await _page(bank, limit=5000) == _ids(rows[:100])
    options = ClientOptions(default_page_limit=100)
    older = (await add_client(bank.db, "Of 2016", options=options)).client
    async with http(bank.db, token=await add_token(bank.db, older, bank.ada)) as api:
        answer = await api.get("/transactions", params={"account_id": bank.account.id})
        assert len(answer.json()["transactions"]) == 100
        params = {"account_id": bank.account.id, "limit": "7"}
        assert len((await api.get("/transactions", params=params)).json()["transactions"]) == 7
