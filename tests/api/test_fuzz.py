"""Whatever is sent, the answer is documented JSON and never a fault of ours."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.asgi import RawRequest
from tests.support.bench import Bench
from tests.support.databases import Databases
from tests.support.receipts import BURGER

EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Bench]:
    url = databases.new(request.param)
    made = Bench(url)
    yield made
    made.close()
    databases.discard(url)


METHODS = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "get", "x"])
NAMES = st.sampled_from(
    [
        "account_id",
        "account_type",
        "since",
        "before",
        "limit",
        "expand",
        "expand[]",
        "metadata",
        "metadata[a]",
        "metadata[]",
        "params",
        "params[title]",
        "params[image_url]",
        "params[body_color]",
        "type",
        "title",
        "image_url",
        "url",
        "events[]",
        "expires_at",
        "start_time",
        "notes",
        "grant_type",
        "client_id",
        "client_secret",
        "username",
        "password",
        "refresh_token",
    ]
)
ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
VALUES = st.one_of(
    ANY_TEXT,
    st.sampled_from(
        [
            *("", "1", "0", "-1", "100", "merchant", "2026-01-01T00:00:00Z", "tx_1", "\x00"),
            *("basic", "image", "#FFF", "http://a.example", "transaction.created", "2030-01-01"),
        ]
    ),
    st.integers().map(str),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=12,
)
CONTENT_TYPES = st.sampled_from(
    [
        b"",
        b"application/json",
        b"application/x-www-form-urlencoded",
        b"application/x-www-form-urlencoded; charset=utf-16",
        b"multipart/form-data; boundary=x",
        b"multipart/form-data",
        b"text/plain",
    ]
)
PATHS = st.sampled_from(
    [
        b"/accounts",
        b"/balance",
        b"/transactions",
        b"/transactions/{id}",
        b"/feed",
        b"/feed/{id}",
        b"/card/list",
        b"/card/toggle",
        b"/transaction-receipts",
        b"/webhooks",
        b"/webhooks/{id}",
        b"/oauth2/token",
        b"/ping/whoami",
        b"/logos/{id}",
        b"/readyz",
    ]
)


@EXAMPLES
@given(METHODS, st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_random_bytes_anywhere_are_answered(bench, method, path, query, body):
    bench.ask(RawRequest(method, b"/" + path, query, [(b"authorization", query)], body))


@EXAMPLES
@given(METHODS, PATHS, st.binary(max_size=40), CONTENT_TYPES, st.binary(max_size=200))
def test_random_bodies_of_every_type_are_answered(bench, method, path, segment, content_type, body):
    headers = [(b"authorization", b"Bearer " + bench.token.encode())]
    if content_type:
        headers.append((b"content-type", content_type))
    path = path.replace(b"{id}", segment.replace(b"/", b""))
    bench.ask(RawRequest(method, path, body, headers, body))


@EXAMPLES
@given(st.lists(st.tuples(NAMES, VALUES), max_size=4), st.booleans())
def test_random_parameters_of_a_known_caller_are_answered(bench, pairs, names_account):
    query = "&".join(f"{name}={_quoted(value)}" for name, value in pairs)
    if names_account:
        query = f"account_id={bench.account_id}&{query}"
    headers = [(b"authorization", b"Bearer " + bench.token.encode())]
    for path in (b"/transactions", b"/balance", b"/accounts", b"/feed", b"/webhooks"):
        bench.ask(RawRequest("GET", path, query.encode(), headers))
    for path in (b"/feed", b"/webhooks"):
        bench.ask(RawRequest("POST", path, query.encode(), headers))
    item = f"/feed/{bench.item_id}".encode()
    bench.ask(RawRequest("PATCH", item, query.encode(), headers))
    assert bench.ask(RawRequest("GET", item, b"", headers)).json()["item"]["params"]["title"]


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(st.dictionaries(ANY_TEXT, JSON_VALUES, max_size=4), st.booleans())
def test_random_json_annotates_or_is_refused_and_what_is_kept_can_be_read(bench, body, nested):
    document = {"metadata": body} if nested else body
    headers = [
        (b"authorization", b"Bearer " + bench.token.encode()),
        (b"content-type", b"application/json"),
    ]
    path = f"/transactions/{bench.transaction_id}".encode()
    changed = bench.ask(RawRequest("PATCH", path, b"", headers, json.dumps(document).encode()))
    assert changed.status in {200, 400}
    read = bench.ask(RawRequest("GET", path, b"", headers)).json()["transaction"]
    assert all(isinstance(value, str) for value in read["metadata"].values())
    if changed.status == 200:
        assert changed.json()["transaction"] == read


@EXAMPLES
@given(JSON_VALUES, st.sampled_from([(), ("items",), ("items", 0), ("items", 0, "quantity"),
                                     ("items", 0, "sub_items"), ("merchant", "name"), ("total",),
                                     ("payments", 0, "type"), ("external_id",)]))  # fmt: skip
def test_random_json_anywhere_in_a_receipt_is_kept_or_refused_and_can_be_read(bench, value, place):
    document: Any = json.loads(json.dumps({**BURGER, "external_id": "Order-1"}))
    document["transaction_id"] = bench.transaction_id
    inner: Any = {"": document}
    steps: list[Any] = ["", *place]
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    document = document if place else value
    headers = [(b"authorization", b"Bearer " + bench.token.encode())]
    body = json.dumps(document).encode()
    put = bench.ask(RawRequest("PUT", b"/transaction-receipts", b"", headers, body))
    assert put.status in {200, 400}
    if put.status == 200 and place != ("external_id",):
        query = b"external_id=Order-1"
        read = bench.ask(RawRequest("GET", b"/transaction-receipts", query, headers))
        assert read.json()["receipt"]["id"] == put.json()["receipt_id"]
