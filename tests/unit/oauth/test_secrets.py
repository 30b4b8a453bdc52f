"""What tokens look like, and what is not one."""

import re
import string
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.ids import SHARDS, RandomIds, SeededIds
from minibank.core.secrets import digest
from minibank.oauth.secrets import (
    Kind,
    is_client_secret,
    new_client_secret,
    new_token,
    parse_token,
)

SHARD = st.integers(0, SHARDS - 1)


@given(SHARD)
def test_a_token_says_what_it_is_and_where_it_lives(shard):
    kinds: list[tuple[Kind, str]] = [("access", "mb_at_"), ("refresh", "mb_rt_")]
    for kind, prefix in kinds:
        token = new_token(RandomIds(), kind, shard)
        parsed = parse_token(token)
        assert re.fullmatch(prefix + "[0-9A-Za-z]{42}", token)
        assert parsed is not None
        assert (parsed.kind, parsed.shard, parsed.digest) == (kind, shard, digest(token))


def test_a_client_secret_has_a_form_of_its_own():
    secret = new_client_secret(RandomIds())
    assert re.fullmatch("mb_cs_[0-9A-Za-z]{39}", secret)
    assert is_client_secret(secret)
    assert parse_token(secret) is None
    assert not is_client_secret(new_token(RandomIds(), "access", 7))


def test_the_form_of_tokens_never_changes():
    """Tokens are kept by people and scanners: what was issued once must be read for ever."""
    token = "mb_at_14326zGSnTIFvAZlq2SGU8OpUb5pIy0GL4xE0qhSfT"
    assert new_token(SeededIds("form"), "access", 4095) == token
    assert with_checksum(token[:-6]) == token


def test_a_digest_is_sha_256_of_the_whole_token():
    assert digest("abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_two_tokens_of_one_shard_share_nothing_but_their_shard():
    ids = RandomIds()
    tokens = {new_token(ids, "access", 5)[9:] for _ in range(100)}
    assert len(tokens) == 100


def test_the_random_part_has_at_least_160_bits():
    ids = RandomIds()
    drawn = [new_token(ids, "access", 0)[9:42] for _ in range(200)]
    for position in range(1, 33):
        assert len({text[position] for text in drawn}) > 30, f"digit {position} hardly varies"


@given(st.text())
def test_whatever_is_sent_as_a_token_never_raises(text):
    assert parse_token(text) is None
    assert not is_client_secret(text)


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=42, max_size=42))
def test_text_of_the_right_form_without_its_checksum_is_no_token(body):
    for prefix in ("mb_at_", "mb_rt_"):
        text = prefix + body
        if with_checksum(text[:-6]) != text:
            assert parse_token(text) is None


@given(SHARD, st.integers(6, 47), st.sampled_from(string.digits + string.ascii_letters))
def test_one_wrong_character_makes_it_no_token(shard, position, character):
    token = new_token(SeededIds("one"), "access", shard)
    wrong = token[:position] + character + token[position + 1 :]
    assert wrong == token or parse_token(wrong) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.upper(),
        lambda token: token.lower(),
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: "mb_rt_" + token[6:],
        lambda token: token.replace("mb_at_", "mb_cs_"),
        lambda token: token.replace("0", "\uff10"),
        lambda token: "\ud800" + token,
    ],
)
def test_a_token_that_was_changed_is_none(change):
    token = new_token(SeededIds("changed"), "access", 0)
    assert "0" in token
    assert parse_token(change(token)) is None


def test_a_shard_that_does_not_exist_makes_it_no_token():
    from_elsewhere = new_token(SeededIds("x"), "access", 4095)
    assert parse_token(from_elsewhere) is not None
    beyond = "mb_at_" + "144" + from_elsewhere[9:-6]
    assert parse_token(with_checksum(beyond)) is None


def with_checksum(text: str) -> str:
    """As the code itself ends a token."""
    number, digits = crc32(text.encode()), string.digits + string.ascii_uppercase
    digits += string.ascii_lowercase
    out = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        out = digits[rest] + out
    return text + out
