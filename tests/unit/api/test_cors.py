"""Which origins may read answers."""

from minibank.api.cors import Origins


def test_a_star_allows_every_origin_and_needs_no_vary():
    headers = dict(Origins(["*"]).headers_for(b"https://app.example"))
    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"vary" not in headers


def test_a_listed_origin_is_repeated_and_any_other_gets_nothing():
    origins = Origins(["https://app.example"])
    allowed = dict(origins.headers_for(b"https://app.example"))
    assert allowed[b"access-control-allow-origin"] == b"https://app.example"
    assert allowed[b"vary"] == b"Origin"
    for other in (b"https://evil.example", b"https://app.example.evil.example", b"null", None):
        assert origins.headers_for(other) == [(b"vary", b"Origin")]


def test_credentials_are_never_allowed():
    for origins in (Origins(["*"]), Origins(["https://app.example"])):
        for preflight in (False, True):
            headers = dict(origins.headers_for(b"https://app.example", preflight=preflight))
            assert b"access-control-allow-credentials" not in headers


def test_without_any_origin_nobody_may_read():
    assert Origins([]).headers_for(b"https://app.example") == [(b"vary", b"Origin")]
