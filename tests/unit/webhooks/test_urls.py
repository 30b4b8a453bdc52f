"""Which addresses a webhook may have, and how little of one is ever shown."""

import pytest

from minibank.core.errors import BadParam
from minibank.webhooks.records import Webhook
from minibank.webhooks.urls import URL_BYTES_MAX, place_of, require_url

GOOD = [
    "http://example.com",
    "https://example.com/hook?key=s3cret&x=%20",
    "HTTPS://Example.com/A",
    "https://user:p%40ss@example.com:8443/hook#part",
    "http://localhost:3000/hook",
    "http://127.0.0.1/",
    "http://[::1]:8080/hook",
    "http://a_b.example/x[]=1",
]
BAD = [
    "",
    "example.com/hook",
    "/hook",
    "//example.com/hook",
    "ftp://example.com",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://",
    "http:///hook",
    "https://:443/hook",
    "http:example.com",
    "http://user@/hook",
    "http://example.com:99999/",
    "http://example.com:0/",
    "http://example.com:port/",
    "http://[::1/hook",
    "http://exa mple.com/",
    " http://example.com/",
    "http://example.com/\n",
    "http://example.com/\thook",
    "http://example.com\\@evil.example/",
    "http://bücher.example/",
    'http://example.com/"',
]


@pytest.mark.parametrize("url", GOOD)
def test_an_absolute_address_is_kept_as_it_came(url: str) -> None:
    assert require_url(url) == url


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_absolute_address_is_refused(url: str) -> None:
    with pytest.raises(BadParam) as caught:
        require_url(url)
    assert caught.value.code == "bad_request.bad_param.url"


def test_an_address_has_a_greatest_length() -> None:
    longest = "http://a.example/".ljust(URL_BYTES_MAX, "x")
    assert require_url(longest) == longest
    with pytest.raises(BadParam):
        require_url(longest + "x")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:pass@example.com:8443/hook?key=1#x", "https://example.com"),
        ("http://[::1]:8080/hook", "http://[::1]"),
    ],
)
def test_of_an_address_only_the_scheme_and_the_host_are_shown(url: str, place: str) -> None:
    assert place_of(url) == place


def test_a_webhook_that_prints_keeps_its_secrets() -> None:
    webhook = Webhook(
        shard=1,
        id="webhook_1",
        account_id="acc_1",
        client_id="oauth2client_1",
        user_id="user_1",
        url="https://user:pass@example.com/path?key=query",
        events=("transaction.created",),
        created_at=0,
    )
    for said in (repr(webhook), str(webhook)):
        assert "https://example.com" in said
        assert not any(secret in said for secret in ("pass", "path", "query"))
