"""When two e-mail addresses are one, and what is an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.errors import BadParam, MissingParam
from minibank.identity.emails import EMAIL_BYTES_MAX, email_key, require_email


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@Example.COM"),
        ("ada@example.com", "  ada@example.com\n"),
        ("zoë@example.com", "zoe\u0308@example.com"),
        ("ZOE\u0308@example.com", "zoë@example.com"),
        ("ǅ@example.com", "ǆ@example.com"),
    ],
)
def test_addresses_that_differ_in_case_or_composition_are_one(one, other):
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("ada+bank@example.com", "ada@example.com"),
        ("a.da@example.com", "ada@example.com"),
        ("zoë@example.com", "zoe@example.com"),
    ],
)
def test_addresses_that_differ_otherwise_are_two(one, other):
    assert email_key(one) != email_key(other)


@given(st.text())
def test_the_key_of_a_key_is_itself(text):
    assert email_key(email_key(text)) == email_key(text)


@given(st.text())
def test_an_accepted_address_and_what_is_kept_of_it_have_one_key(text):
    try:
        kept = require_email(text)
    except (BadParam, MissingParam):
        return
    assert email_key(kept) == email_key(text)


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "ada.lovelace+bank@mail.example.co.uk",
        "o'brien@example.com",
        "zoë@exämple.com",
        "root@localhost",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "x" * 64 + "@example.com",
    ],
)
def test_an_address_is_accepted(email):
    assert require_email(email) == email


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@-example.com",
        "ada@example-.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada\x00@example.com",
        "ada\r\nBcc: eve@example.com",
        "x" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + "a." * 130 + "com",
    ],
)
def test_what_is_no_address_is_refused(email):
    with pytest.raises(BadParam) as refusal:
        require_email(email)
    assert refusal.value.code == "bad_request.bad_param.email"


@pytest.mark.parametrize("email", ["", "  ", "\t"])
def test_an_empty_address_is_a_missing_one(email):
    with pytest.raises(MissingParam):
        require_email(email)


def test_the_length_is_counted_in_bytes():
    fits = "é" * 30 + "@" + ".".join(["a" * 46] * 4) + ".c"
    assert len(require_email(fits).encode()) <= EMAIL_BYTES_MAX
    with pytest.raises(BadParam):
        require_email("é" * 33 + "@example.com")
