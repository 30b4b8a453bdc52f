"""What the head of a request says, whatever way it is written."""

import pytest

from minibank.api.paths import headers_of, method_of, segments_of


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/", ()),
        (b"", ()),
        (b"/accounts", ("accounts",)),
        (b"//accounts", ("accounts",)),
        (b"/accounts/", ("accounts",)),
        (b"///ping//whoami//", ("ping", "whoami")),
        (b"/p%69ng/whoami", ("ping", "whoami")),
        (b"/transactions/tx%2F1", ("transactions", "tx/1")),
        (b"/transactions/../accounts", ("transactions", "..", "accounts")),
        (b"/transactions/%2e%2e/accounts", ("transactions", "..", "accounts")),
        (b"/ping?x=/y", ("ping",)),
        (b"/%00/%zz", ("\x00", "%zz")),
        (b"/caf%C3%A9", ("café",)),
        (b"/%ff", ("\udcff",)),
    ],
)
def test_a_path_is_its_decoded_segments_and_nothing_is_resolved(raw, segments):
    assert segments_of({"raw_path": raw, "path": ""}) == segments


def test_without_the_raw_path_the_decoded_one_has_to_do():
    assert segments_of({"path": "/ping//wh oami"}) == ("ping", "wh oami")


def test_the_method_is_read_in_capitals():
    assert method_of({"method": "patch"}) == "PATCH"


def test_headers_are_found_by_name_and_the_first_of_several_counts():
    headers = headers_of({"headers": [(b"a", b"1"), (b"b", b"caf\xe9"), (b"a", b"2")]})
    assert headers == {"a": "1", "b": "caf\xe9"}
