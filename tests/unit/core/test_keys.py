"""The server key's file, and the keys derived from it."""

from pathlib import Path

import pytest

from minibank.core.keys import (
    KeyFileError,
    ServerKeys,
    derive,
    fingerprint,
    hkdf,
    read_keys,
    write_new_key,
)

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))


def test_keys_are_derived_as_rfc_5869_says() -> None:
    # Its appendix A.3, the first block.
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert hkdf(b"\x0b" * 22, b"").hex() == expected


def test_keys_for_two_purposes_differ() -> None:
    assert derive(FIRST, "audit") != derive(FIRST, "webhooks")
    assert len(fingerprint(FIRST)) == 16


def test_a_signature_is_good_for_its_purpose_message_and_key_only() -> None:
    signature = ServerKeys(FIRST).sign("audit", b"books")
    assert ServerKeys(FIRST).verifies("audit", b"books", signature)
    assert not ServerKeys(FIRST).verifies("other", b"books", signature)
    assert not ServerKeys(FIRST).verifies("audit", b"hooks", signature)
    assert not ServerKeys(SECOND).verifies("audit", b"books", signature)


def test_the_key_before_still_verifies_and_signs_no_more() -> None:
    rotated = ServerKeys(SECOND, FIRST)
    assert rotated.verifies("audit", b"books", ServerKeys(FIRST).sign("audit", b"books"))
    assert rotated.sign("audit", b"books") == ServerKeys(SECOND).sign("audit", b"books")


def test_a_new_key_is_written_for_its_owner_only_and_keeps_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    assert write_new_key(path, FIRST) == ServerKeys(FIRST)
    assert path.stat().st_mode & 0o777 == 0o600
    assert write_new_key(path, SECOND) == ServerKeys(SECOND, FIRST)
    assert read_keys(path) == ServerKeys(SECOND, FIRST)
    third = bytes(32)
    assert write_new_key(path, third) == ServerKeys(third, SECOND)


def test_keys_are_not_shown() -> None:
    assert "\\x" not in repr(ServerKeys(FIRST, SECOND))


@pytest.mark.parametrize("content", ["", "short\n", "c2hvcnQ=\n", "\x00", "not base64 at all!\n"])
def test_a_file_without_a_usable_key_is_refused_without_quoting_it(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "server.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as refused:
        read_keys(path)
    assert not content.strip() or content.strip() not in str(refused.value)


def test_three_keys_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    write_new_key(path, FIRST)
    line = path.read_text()
    path.write_text(line * 3)
    with pytest.raises(KeyFileError, match="one or two"):
        read_keys(path)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    write_new_key(path, FIRST)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod"):
        read_keys(path)


def test_a_missing_key_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_keys(tmp_path / "none")
