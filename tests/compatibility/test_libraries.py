"""Unmodified client libraries take each customer of a demo bank through everything an app does."""

from typing import Any

import pytest

from tests.compatibility.demo import Customer
from tests.compatibility.libraries import LIBRARIES, Library
from tests.compatibility.scripts import Run, Runner
from tests.compatibility.wiretap import Exchange

# Installing the libraries, the first time, is part of the first test that needs them.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.environment)
def library(request: pytest.FixtureRequest) -> Library:
    """One library after the other."""
    chosen: Library = request.param
    return chosen


@pytest.fixture
def journey(library: Library, run: Runner) -> Run:
    """The run of the library's script."""
    return run(library.script, library.environment)


def each_customer(journey: Run) -> list[tuple[Customer, dict[str, Any]]]:
    """What plain requests say about each customer, with what the library reported."""
    return list(zip(journey.customers, journey.report["customers"], strict=True))


def token_requests(journey: Run, grant: str) -> list[Exchange]:
    """The requests for a token by one grant."""
    sent = [exchange for exchange in journey.exchanges if exchange.path.endswith("/oauth2/token")]
    return [exchange for exchange in sent if exchange.form["grant_type"] == grant]


def test_the_demo_has_what_these_tests_are_about(journey: Run, library: Library):
    lengths = [len(walk) for who in journey.customers for walk in who.transactions.values()]
    kinds = {account["type"] for who in journey.customers for account in who.accounts}
    assert len(journey.customers) >= 3
    assert kinds == {"uk_retail", "uk_retail_joint"}
    assert 0 in lengths
    assert max(lengths) > 2 * library.page


def test_the_library_is_the_pinned_one(journey: Run, library: Library):
    assert journey.report["library"] == library.name


def test_whoami_names_the_client_and_the_user(journey: Run):
    for user, (_, reported) in zip(journey.bank.info["users"], each_customer(journey), strict=True):
        assert reported["whoami"] == {
            "authenticated": True,
            "client_id": journey.bank.info["client_id"],
            "user_id": user["user_id"],
        }


def test_accounts_are_the_customers_own_in_the_banks_order(journey: Run, library: Library):
    for user, (truth, reported) in zip(
        journey.bank.info["users"], each_customer(journey), strict=True
    ):
        assert [account["id"] for account in reported["accounts"]] == [
            account["id"] for account in user["accounts"]
        ]
        assert reported["accounts"] == [library.account(account) for account in truth.accounts]


def test_balances_equal_what_a_plain_request_says(journey: Run, library: Library):
    for truth, reported in each_customer(journey):
        expected = {id_: library.balance(answer) for id_, answer in truth.balances.items()}
        assert reported["balances"] == expected


def test_the_pages_join_to_the_whole_history_without_gap_or_repeat(journey: Run, library: Library):
    for truth, reported in each_customer(journey):
        assert reported["pages"].keys() == truth.transactions.keys()
        for account_id, pages in reported["pages"].items():
            walked = joined(pages, library.pages_overlap)
            expected = [library.transaction(wire) for wire in truth.transactions[account_id]]
            assert [seen["id"] for seen in walked] == [wire["id"] for wire in expected]
            assert lasting(walked) == lasting(expected)


def lasting(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history without the one thing that annotating, attaching and taking back leaves behind:
    the scripts of other libraries do so meanwhile."""
    return [{key: value for key, value in seen.items() if key != "updated"} for seen in history]


def joined(pages: list[list[dict[str, Any]]], overlapping: bool) -> list[dict[str, Any]]:
    """The pages as one list; an overlapping one may only repeat the second where the last ended."""
    walked: list[dict[str, Any]] = []
    for page in pages:
        repeated = 0
        if overlapping and walked:
            last_second = walked[-1]["created"]
            tail = [seen["id"] for seen in walked if seen["created"] == last_second]
            repeated = len(tail)
            assert [seen["id"] for seen in page[:repeated]] == tail
        walked += page[repeated:]
    return walked


def test_every_page_but_the_last_is_full(journey: Run, library: Library):
    for _, reported in each_customer(journey):
        for pages in reported["pages"].values():
            assert all(len(page) == library.page for page in pages[:-1])
            assert all(page for page in pages)


def test_merchants_are_expanded_where_there_is_one(journey: Run):
    lists = [sent for sent in journey.exchanges if sent.path.endswith("/transactions")]
    assert all("merchant" in dict(sent.query).values() for sent in lists)
    merchants = [
        transaction["merchant"]
        for _, reported in each_customer(journey)
        for pages in reported["pages"].values()
        for page in pages
        for transaction in page
    ]
    assert any(merchant is None for merchant in merchants)
    expanded = [merchant for merchant in merchants if merchant is not None]
    assert len(expanded) > len(merchants) / 4
    assert all(merchant["name"] and merchant["emoji"] for merchant in expanded)


def test_an_annotation_reads_back_and_an_empty_value_takes_it_away(journey: Run):
    for truth, reported in each_customer(journey):
        annotation = reported["annotation"]
        if annotation is None:
            assert not any(truth.transactions.values())
            continue
        before = next(
            wire["metadata"]
            for walk in truth.transactions.values()
            for wire in walk
            if wire["id"] == annotation["transaction_id"]
        )
        after = before | {annotation["key"]: annotation["value"]}
        assert annotation["answered"] == after
        assert annotation["read_back"] == after
        assert annotation["removed"] == before


def test_a_webhook_is_registered_listed_and_deleted(journey: Run):
    for _, reported in each_customer(journey):
        told = reported["messages"]
        webhook = told["webhook"]
        assert webhook == {
            "id": webhook["id"],
            "account_id": told["account_id"],
            "url": "https://app.example/hooks?key=wEXQbNaJ",
        }
        assert told["listed"] == [webhook]
        assert (told["deleted"], told["left"]) == ({}, [])


def test_a_feed_item_is_made_and_answered_with_nothing(journey: Run, library: Library):
    posts = [sent for sent in journey.exchanges if sent.path == "/feed"]
    if library.environment == "monzo":
        # It asks for an attribute that it does not have, before it sends anything.
        failed = [reported["messages"]["posted"]["type"] for _, reported in each_customer(journey)]
        assert set(failed) == {"AttributeError"}
        assert posts == []
        return
    assert [(sent.status, sent.json) for sent in posts] == [(200, {})] * len(journey.customers)
    for sent, (_, reported) in zip(posts, each_customer(journey), strict=True):
        assert sent.form["params[title]"] == reported["messages"]["title"]


def test_a_refreshed_token_is_new_and_works_for_the_same_user(journey: Run):
    for _, reported in each_customer(journey):
        assert reported["refresh"]["renewed"] is True
        assert reported["refresh"]["whoami"] == reported["whoami"]
        assert reported["refresh"]["whoami_at_the_end"] == reported["whoami"]


def test_a_refresh_token_works_once_and_is_refused_the_second_time(journey: Run):
    for _, reported in each_customer(journey):
        assert reported["refresh"]["second_use"] is not None
    uses: dict[str, list[Exchange]] = {}
    for sent in token_requests(journey, "refresh_token"):
        uses.setdefault(sent.form["refresh_token"], []).append(sent)
    assert sum(len(sent) > 1 for sent in uses.values()) == len(journey.customers)
    for first, *again in uses.values():
        assert (first.status, first.json["token_type"]) == (200, "Bearer")
        for second in again:
            assert second.status == 401
            assert second.json["code"] == "unauthorized.bad_refresh_token"
            assert second.json["error"] == "invalid_grant"


def test_the_access_token_before_a_refresh_is_refused_as_evicted(journey: Run):
    for _, reported in each_customer(journey):
        assert reported["refresh"]["old_access"] is not None
    ended = {
        sent.request_headers["authorization"]
        for sent in journey.exchanges
        if sent.path == "/oauth2/logout"
    }
    refused = [sent for sent in journey.exchanges if sent.status == 401]
    refused = [sent for sent in refused if not sent.path.endswith("/oauth2/token")]
    evicted = [sent for sent in refused if sent.request_headers["authorization"] not in ended]
    assert len(evicted) >= len(journey.customers)
    for sent in evicted:
        assert sent.json["code"] == "unauthorized.bad_access_token.evicted"
        assert sent.json["error"] == "invalid_token"


def test_every_answer_is_bare_json_and_every_success_is_200(journey: Run):
    for sent in journey.exchanges:
        assert sent.status in {200, 401}, sent.line
        assert sent.answer_headers["content-type"] == "application/json", sent.line
        assert isinstance(sent.json, dict), sent.line


def test_tokens_have_exactly_the_six_documented_keys(journey: Run):
    issued = [
        sent.json
        for grant in ("password", "refresh_token")
        for sent in token_requests(journey, grant)
        if sent.status == 200
    ]
    assert len(issued) >= 2 * len(journey.customers)
    for token in issued:
        assert token.keys() == {
            "access_token",
            "client_id",
            "expires_in",
            "refresh_token",
            "token_type",
            "user_id",
        }
        assert token["expires_in"] == 21600


def test_monzo_refreshes_by_basic_alone_and_also_when_the_bank_answers_401(run: Runner):
    journey = run("run_monzo.py", "monzo")
    for _, reported in each_customer(journey):
        assert reported["refresh"]["whoami_after_401"] == reported["whoami"]
        assert reported["refresh"]["renewed_after_401"] is True
    for sent in token_requests(journey, "refresh_token"):
        assert sent.request_headers["authorization"].startswith("Basic ")
        assert sent.form.keys() == {"grant_type", "refresh_token"}


def test_monzo_writes_a_note_that_metadata_mirrors(run: Runner):
    written = [
        reported["annotation"] for _, reported in each_customer(run("run_monzo.py", "monzo"))
    ]
    assert any(written)
    for annotation in filter(None, written):
        assert annotation["notes"] == ["Split with Grace", "Split with Grace"]
        assert annotation["notes_mirrored"] == "Split with Grace"


def test_monzo_api_logs_out_and_is_refused_afterwards(run: Runner):
    journey = run("run_monzo_api.py", "monzo-api")
    for _, reported in each_customer(journey):
        assert reported["refresh"]["saved_refresh_token"] is True
        assert reported["refresh"]["after_logout"]["type"] == "MonzoAuthenticationError"
    logouts = [sent for sent in journey.exchanges if sent.path == "/oauth2/logout"]
    assert [sent.json for sent in logouts] == [{"ok": True}] * len(journey.customers)


def test_monzo_api_takes_every_account_for_a_current_account(run: Runner):
    for _, reported in each_customer(run("run_monzo_api.py", "monzo-api")):
        assert set(reported["account_types"]) == {"Current Account"}


def test_mondo_bank_logs_in_by_the_password_grant_itself(run: Runner):
    journey = run("run_mondo_bank.js", "javascript")
    users = [reported["token"]["user_id"] for _, reported in each_customer(journey)]
    assert users == [user["user_id"] for user in journey.bank.info["users"]]
    for sent in token_requests(journey, "password")[-len(users) :]:
        assert sent.request_headers["client"] == "NodeMondo-v0.1.13"
        assert sent.form.keys() == {
            "grant_type",
            "client_id",
            "client_secret",
            "username",
            "password",
        }
