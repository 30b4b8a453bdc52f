"""Where a client may have people sent back to."""

import pytest

from minibank.core.errors import BadParam
from minibank.oauth.redirect_uris import URI_LENGTH_MAX, URIS_MAX, require_redirect_uris


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback",
        "https://app.example.com",
        "https://app.example.com/callback?kept=1",
        "http://localhost",
        "http://localhost:8000/",
        "http://127.0.0.1:6600/pymonzo",
        "http://[::1]:8080/cb",
        "mondoapi://success",
        "com.example.app:/oauth",
        "https://app.example.com/" + "x" * (URI_LENGTH_MAX - 24),
    ],
)
def test_a_redirect_uri_is_accepted_as_it_is(uri):
    assert require_redirect_uris([uri]) == (uri,)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "absolute"),
        ("callback", "absolute"),
        ("/callback", "absolute"),
        ("//app.example.com/callback", "absolute"),
        ("https:", "absolute"),
        ("https://app.example.com/#fragment", "fragment"),
        ("https://app.example.com/#", "fragment"),
        ("https://", "host"),
        ("https:///callback", "host"),
        ("http://app.example.com/callback", "https"),
        ("http://localhost.example.com/", "https"),
        ("http://localhost@example.com/", "https"),
        ("javascript:alert(1)", "scheme"),
        ("JavaScript:alert(1)", "scheme"),
        ("data:text/html,x", "scheme"),
        ("https://app.example.com/a b", "absolute"),
        ("https://app.example.com/\n", "absolute"),
        ("https://exämple.com/", "absolute"),
        ("https://app.example.com:port/", "absolute"),
        ("https://[::1/", "absolute"),
        ("https://app.example.com/" + "x" * URI_LENGTH_MAX, "longer"),
    ],
)
def test_a_redirect_uri_that_would_lead_astray_is_refused(uri, reason):
    with pytest.raises(BadParam, match=reason) as refusal:
        require_redirect_uris([uri])
    assert refusal.value.code == "bad_request.bad_param.redirect_uri"


def test_uris_keep_their_order_and_lose_their_repetitions():
    uris = ["https://b.example/", "https://a.example/", "https://b.example/"]
    assert require_redirect_uris(uris) == ("https://b.example/", "https://a.example/")


def test_the_number_of_uris_is_limited():
    uris = [f"https://app.example/{number}" for number in range(URIS_MAX + 1)]
    assert len(require_redirect_uris(uris[:-1])) == URIS_MAX
    with pytest.raises(BadParam):
        require_redirect_uris(uris)
