"""Unmodified client libraries use pots, receipts and attachments, each as far as it knows them."""

import pytest

from tests.compatibility.libraries import LIBRARIES
from tests.compatibility.scripts import Runner

pytestmark = pytest.mark.timeout(400)

SCRIPTS = {
    "pymonzo": "things_pymonzo.py",
    "monzo": "things_monzo.py",
    "monzo-api": "things_monzo_api.py",
    "javascript": "things_mondo_bank.js",
}
DEPOSIT, WITHDRAWAL = 500, 200


@pytest.mark.parametrize("environment", SCRIPTS)
def test_the_library_is_the_pinned_one(run: Runner, environment: str):
    [library] = [one for one in LIBRARIES if one.environment == environment]
    assert run(SCRIPTS[environment], environment).report["library"] == library.name


@pytest.mark.parametrize("environment", ["pymonzo", "monzo-api"])
def test_money_goes_into_a_pot_once_for_each_dedupe_id_and_out_again(run: Runner, environment: str):
    journey = run(SCRIPTS[environment], environment)
    moved, account = journey.report["pot"], journey.bank.info["users"][0]["accounts"][0]
    before, deposited, again, withdrawn = moved["balances"]
    assert deposited == again == before + DEPOSIT
    assert withdrawn == deposited - WITHDRAWAL
    assert moved["listed"] == account["pot_ids"]


def test_monzo_moves_money_under_names_of_its_own_and_cannot_list_pots(run: Runner):
    journey = run(SCRIPTS["monzo"], "monzo")
    moved = journey.report["pot"]
    deposited, withdrawn = moved["balances"]
    assert withdrawn == deposited - WITHDRAWAL
    assert "current_account_id" in moved["list"]["text"]
    names = [sent.form["dedupe_id"] for sent in journey.exchanges if "/pots/" in sent.path]
    assert len(set(names)) == len(names) == 3


@pytest.mark.parametrize("environment", ["pymonzo", "monzo", "monzo-api"])
def test_what_went_into_a_pot_is_gone_from_the_account(run: Runner, environment: str):
    moved = run(SCRIPTS[environment], environment).report["pot"]
    before, after = moved["account"]
    assert before - after == DEPOSIT - WITHDRAWAL


@pytest.mark.parametrize("environment", ["pymonzo", "monzo"])
def test_more_than_there_is_in_a_pot_is_refused_in_the_banks_words(run: Runner, environment: str):
    journey = run(SCRIPTS[environment], environment)
    assert journey.report["pot"]["too_much"] is not None
    [refused] = [sent for sent in journey.exchanges if "/pots/" in sent.path and sent.status != 200]
    assert (refused.status, refused.json["code"]) == (400, "bad_request.insufficient_funds")


@pytest.mark.parametrize("environment", ["pymonzo", "monzo", "javascript"])
def test_a_file_is_attached_found_on_its_transaction_and_taken_off(run: Runner, environment: str):
    told = run(SCRIPTS[environment], environment).report["attachment"]
    made = told["made"]
    assert made["id"].startswith("attach_")
    assert made["external_id"] == told["transaction_id"]
    assert made["file_url"] == told["file_url"]
    assert told["listed"] == [made["id"]]
    assert (told["deregistered"], told["left"]) == ({}, [])


@pytest.mark.parametrize("environment", ["pymonzo", "javascript"])
def test_an_attached_file_is_served_to_whoever_knows_its_address(run: Runner, environment: str):
    told = run(SCRIPTS[environment], environment).report["attachment"]
    assert told["served"] == ["image/png", True]


def test_monzo_api_reads_back_the_receipt_that_it_put_and_deletes_it(run: Runner):
    journey = run(SCRIPTS["monzo-api"], "monzo-api")
    told = journey.report["receipt"]
    assert told["read"] == told["put"]
    assert told["read"]["items"][1]["quantity"] == 18.56
    assert told["total_replaced"] == 1
    assert '"not_found.receipt"' in told["gone"]["text"]
    sent = [one for one in journey.exchanges if one.path == "/transaction-receipts"]
    assert [one.status for one in sent] == [200, 200, 200, 200, 200, 404]
    first, _, second = (one.json for one in sent[:3])
    assert first == second


def test_monzo_api_attaches_nothing_whatever_the_bank(run: Runner):
    journey = run(SCRIPTS["monzo-api"], "monzo-api")
    assert journey.report["attachment"] is not None
    assert [one for one in journey.exchanges if "/attachment/" in one.path] == []
