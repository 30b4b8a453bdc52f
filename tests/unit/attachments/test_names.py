"""Names that clients give files, and addresses of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.attachments.names import (
    NAME_MAX,
    FilePath,
    clean_name,
    disposition,
    own_path,
    plain_name,
)

USER = "user_0000B476k79qyLyeiOBR34"
BASES = ("", "https://files.example", "https://bank.example")


@given(st.text(max_size=300))
def test_whatever_a_file_is_called_its_name_is_a_name(text: str):
    name = clean_name(text)
    assert 1 <= len(name) <= NAME_MAX
    assert name == clean_name(name)
    assert name.isprintable()
    assert not set(name) & set('/\\<>:"|?*;%')
    assert not name.startswith(".")


@given(st.text(max_size=300))
def test_whatever_a_file_is_called_the_header_is_one_line_of_ascii(text: str):
    header = disposition(clean_name(text), inline=True)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    plain = plain_name(clean_name(text))
    assert plain
    assert set(plain) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@given(st.binary(min_size=24, max_size=24), st.text(max_size=50))
def test_an_address_leads_back_to_its_file(token: bytes, text: str):
    path = FilePath.draw(USER, token, clean_name(text))
    for base in BASES[1:]:
        found = own_path(f"{base}{path}", BASES)
        assert found == path
        assert found is not None
        assert found.digest == path.digest
        assert own_path(f"{base}{path}?file=x#y", BASES) == path


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.evil/files/a/b",
        "https://other.example/files/user_1/x-a.png",
        "https://files.example/other/user_1/x",
        "https://files.example/files/x",
        "https://files.example/files/a/b/c",
        "https://files.example",
    ],
)
def test_an_address_elsewhere_leads_elsewhere(url: str):
    assert own_path(url, BASES) is None
