"""Errors that a caller may see: the first segment of the code says the status."""

import pytest

from minibank.core import errors
from minibank.core.errors import (
    BadParam,
    BadRequest,
    BankError,
    Conflict,
    Forbidden,
    InsufficientFunds,
    InternalService,
    LimitExceeded,
    MethodNotAllowed,
    MissingParam,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    Timeout,
    TooLarge,
    Unauthorized,
    Unavailable,
    insufficient_permissions,
)

STATUS_OF = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "precondition_failed": 412,
    "rate_limited": 429,
    "internal_service": 500,
    "unavailable": 503,
    "timeout": 504,
}
EXCEPTED = {
    "bad_request.method_not_allowed": 405,
    "bad_request.too_large": 413,
    "bad_request.bad_range": 416,
}

EXAMPLES: list[BankError] = [
    BadRequest("bad_request.could_not_authenticate", "Could not authenticate"),
    MissingParam("account_id"),
    BadParam("limit", "must be a number"),
    InsufficientFunds(),
    LimitExceeded("payment_max"),
    Unauthorized("unauthorized.bad_access_token.expired", "Access token has expired"),
    insufficient_permissions("oauth2client_1", "user_1"),
    NotFound(),
    NotFound("webhook"),
    MethodNotAllowed("PUT"),
    TooLarge(262_144),
    RangeNotSatisfiable(100),
    Conflict("conflict.account_closed", "The account is closed"),
    PreconditionFailed("transaction"),
    RateLimited("rate_limited.overloaded", "Too many payments are waiting", retry_after=1),
    InternalService(),
    Unavailable("unavailable.database", "The database is away"),
    Timeout("timeout", "The payment waited too long"),
]


def _tree(root: type[BankError]) -> set[type[BankError]]:
    return {root}.union(*(_tree(child) for child in root.__subclasses__()))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_the_status_follows_the_first_segment_of_the_code(error: BankError):
    segment = error.code.partition(".")[0]
    assert error.status == EXCEPTED.get(error.code, STATUS_OF[segment])


def test_there_is_an_example_of_every_error_here():
    here = {one for one in _tree(BankError) if one.__module__ == errors.__name__}
    assert here == {type(error) for error in EXAMPLES} | {BankError}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (BadRequest, "unauthorized.bad_access_token"),
        (Unauthorized, "bad_request.could_not_authenticate"),
        (Forbidden, "forbiddenish"),
        (Conflict, ""),
    ],
)
def test_a_code_of_another_status_is_a_fault_of_the_code(kind: type[BankError], code: str):
    with pytest.raises(AssertionError):
        kind(code, "message")


def test_a_missing_and_a_bad_parameter_are_named_in_code_and_message():
    missing, bad = MissingParam("account_id"), BadParam("limit", "must be at least 1")
    assert missing.code == "bad_request.missing_param.account_id"
    assert missing.message == "The field 'account_id' is required"
    assert bad.code == "bad_request.bad_param.limit"
    assert bad.message == "The field 'limit' must be at least 1"


def test_what_is_not_the_callers_is_answered_with_who_asked():
    error = insufficient_permissions("oauth2client_1", "user_1")
    assert error.code == "forbidden.insufficient_permissions"
    assert error.params == {"client_id": "oauth2client_1", "user_id": "user_1"}


def test_details_default_to_nothing_and_are_never_shared():
    one, other = NotFound(), NotFound()
    assert (one.params, one.oauth_error, one.retry_after) == ({}, None, None)
    one.params["id"] = "x"
    assert other.params == {}


def test_a_fault_of_ours_tells_nothing_more():
    assert str(InternalService().message) == "Something went wrong at our end"


def test_the_tree_in_the_documentation_is_the_tree():
    drawn = errors.__doc__ or ""
    for kind in _tree(BankError):
        if kind.__module__ == errors.__name__ and kind is not BankError:
            [line] = [line for line in drawn.splitlines() if f"─ {kind.__name__} " in line]
            assert f" {kind.status} " in line
