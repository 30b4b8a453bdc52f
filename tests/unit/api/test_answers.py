"""Bodies and headers of answers."""

import json

import pytest

from minibank.api.answers import answer_error, answer_json, refusal_of
from minibank.core.errors import (
    BadParam,
    BankError,
    InsufficientFunds,
    NotFound,
    RateLimited,
    Unauthorized,
)
from minibank.db import BadData, DatabaseUnavailable, LostRace, UniqueViolation
from minibank.db.errors import SchemaTooNew, StorageFull, TakesNoWrites, TookTooLong


def test_a_success_is_json_with_a_bare_content_type_and_a_newline():
    answer = answer_json({"a": "🍞"})
    assert answer.status == 200
    assert answer.body == '{"a":"🍞"}\n'.encode()
    assert dict(answer.headers) == {
        b"content-type": b"application/json",
        b"cache-control": b"no-store",
    }


@pytest.mark.parametrize(
    "error", [BadParam("limit", "is bad"), NotFound("logo"), InsufficientFunds()]
)
def test_a_refusal_says_its_code_and_message_and_has_no_oauth_error(error):
    answer = answer_error(error)
    assert answer.status == error.status
    assert json.loads(answer.body) == {
        "code": error.code,
        "message": error.message,
        "params": {},
        "retryable": {},
    }


def test_a_401_always_carries_the_words_of_rfc_6750():
    answer = answer_error(Unauthorized("unauthorized.bad_access_token", "Bad access token"))
    body = json.loads(answer.body)
    assert (body["error"], body["error_description"]) == ("invalid_token", "Bad access token")
    assert (b"www-authenticate", b"Bearer") in answer.headers


def test_a_limit_says_when_to_come_back():
    error = RateLimited("rate_limited.overloaded", "Too much", retry_after=1)
    assert (b"retry-after", b"1") in answer_error(error).headers


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("x"),
        LostRace("x"),
        UniqueViolation("x"),
        StorageFull("x"),
        SchemaTooNew("x"),
        TakesNoWrites("x"),
        TookTooLong("x"),
    ],
)
def test_a_database_that_is_away_is_a_503_that_may_be_tried_again(error):
    refusal = refusal_of(error)
    assert (refusal.status, refusal.retry_after) == (503, 1)


@pytest.mark.parametrize("error", [BadData("secret"), KeyError("secret"), ValueError("secret")])
def test_a_fault_of_ours_tells_nothing_of_itself(error):
    refusal = refusal_of(error)
    assert (refusal.status, refusal.code) == (500, "internal_service")
    assert b"secret" not in answer_error(refusal).body


def test_a_bank_error_is_its_own_refusal():
    error: BankError = NotFound()
    assert refusal_of(error) is error
