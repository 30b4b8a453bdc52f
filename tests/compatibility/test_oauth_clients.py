"""OAuth clients that know nothing of this bank get, refresh and lose tokens by the standard."""

from typing import Any

import pytest

from tests.compatibility.scripts import Run, Runner

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(params=["monzo", "requests-oauthlib"])
def requests_oauthlib(request: pytest.FixtureRequest, run: Runner) -> Run:
    """requests-oauthlib 1.0.0, which monzo pins, and a current one."""
    return run("run_requests_oauthlib.py", request.param)


@pytest.fixture
def authlib(run: Runner) -> Run:
    """Authlib on httpx, as pymonzo uses it."""
    return run("run_authlib.py", "pymonzo")


@pytest.fixture(params=["client_secret_basic", "client_secret_post"])
def authlib_report(request: pytest.FixtureRequest, authlib: Run) -> dict[str, Any]:
    """Authlib's report for one way of client authentication."""
    report: dict[str, Any] = authlib.report[request.param]
    return report


def whoami(run: Run) -> dict[str, Any]:
    """The answer every live token of the script's user must get."""
    body = {
        "authenticated": True,
        "client_id": run.bank.info["client_id"],
        "user_id": run.bank.info["users"][0]["user_id"],
    }
    return {"status": 200, "body": body}


def assert_evicted(answer: dict[str, Any]) -> None:
    """The answer to a token that a newer one replaced."""
    assert answer["status"] == 401
    assert answer["body"]["code"] == "unauthorized.bad_access_token.evicted"
    assert answer["body"]["error"] == "invalid_token"


def test_requests_oauthlib_refreshes_by_basic_alone(requests_oauthlib: Run):
    report = requests_oauthlib.report
    assert report["first"] == report["after_basic_refresh"] == whoami(requests_oauthlib)
    refreshes = [sent for sent in requests_oauthlib.exchanges if "refresh_token" in sent.form]
    by_basic = [sent for sent in refreshes if "authorization" in sent.request_headers]
    assert by_basic[0].status == 200
    assert by_basic[0].form.keys() == {"grant_type", "refresh_token"}


def test_requests_oauthlib_refreshes_an_expired_token_by_itself(requests_oauthlib: Run):
    report = requests_oauthlib.report
    assert report["after_automatic_refresh"] == report["at_the_end"] == whoami(requests_oauthlib)
    assert report["distinct_tokens"] == 3


def test_requests_oauthlib_understands_why_it_is_refused(requests_oauthlib: Run):
    report = requests_oauthlib.report
    assert report["second_use"]["type"] == "InvalidGrantError"
    # The bank answers invalid_request to a wrong client secret, which the library gives this class.
    assert report["wrong_secret"]["type"] == "InvalidClientIdError"
    assert_evicted(report["old_access"])


def test_the_old_and_the_current_requests_oauthlib_are_both_tried(run: Runner):
    script = "run_requests_oauthlib.py"
    tried = [run(script, name).report["library"] for name in ("monzo", "requests-oauthlib")]
    assert tried == ["requests-oauthlib 1.0.0", "requests-oauthlib 2.0.0"]


def test_authlib_logs_in_and_refreshes(authlib: Run, authlib_report: dict[str, Any]):
    steps = ("first", "after_refresh", "after_automatic_refresh")
    assert [authlib_report[step] for step in steps] == [whoami(authlib)] * 3
    assert authlib_report["distinct_tokens"] == 3


def test_authlib_understands_why_it_is_refused(authlib_report: dict[str, Any]):
    assert authlib_report["second_use"]["type"] == "OAuthError"
    assert authlib_report["second_use"]["text"].startswith("invalid_grant: ")
    assert authlib_report["wrong_secret"]["text"].startswith("invalid_request: ")
    assert_evicted(authlib_report["old_access"])


def test_of_four_refreshes_at_once_exactly_one_wins(authlib: Run):
    assert authlib.report["concurrent"]["race"] == ["200", "OAuthError", "OAuthError", "OAuthError"]


def test_token_answers_must_not_be_cached(authlib: Run):
    issued = [sent for sent in authlib.exchanges if sent.path == "/oauth2/token"]
    assert issued
    for sent in issued:
        assert sent.answer_headers["cache-control"] == "no-store", sent.line
