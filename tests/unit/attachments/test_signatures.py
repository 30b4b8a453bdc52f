"""Addresses that the bank gave out, and those that it did not."""

import pytest

from minibank.attachments.signatures import UploadKeys
from minibank.core.errors import Forbidden
from minibank.core.keys import ServerKeys

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
UPLOAD = "upload_0000B476k79qyLyeiOBR34"
AT = 1_700_000_000


def refused(keys: UploadKeys, *more: object) -> str:
    with pytest.raises(Forbidden) as refusal:
        keys.require(*more)  # type: ignore[arg-type]
    return refusal.value.code


def test_a_signature_is_good_for_its_upload_until_it_ends():
    keys = UploadKeys.of(ServerKeys(NEW))
    signature = keys.sign(UPLOAD, AT)
    keys.require(UPLOAD, str(AT), signature, AT * 10**6 - 1)
    assert refused(keys, UPLOAD, str(AT), signature, AT * 10**6) == "forbidden.upload_expired"
    for upload, expires, given in (
        (UPLOAD + "0", AT, signature),
        (UPLOAD, AT + 1, signature),
        (UPLOAD, AT, signature[:-1]),
        (UPLOAD, AT, signature[:-2] + "AA"),
        (UPLOAD, AT, ""),
    ):
        assert refused(keys, upload, str(expires), given, 0) == "forbidden.bad_signature"


def test_what_the_key_before_signed_is_good_while_that_is_live():
    signature = UploadKeys.of(ServerKeys(OLD)).sign(UPLOAD, AT)
    UploadKeys.of(ServerKeys(NEW, OLD)).require(UPLOAD, str(AT), signature, 0)
    for keys in (ServerKeys(NEW), ServerKeys(OTHER), None):
        assert refused(UploadKeys.of(keys), UPLOAD, str(AT), signature, 0) == (
            "forbidden.bad_signature"
        )


def test_keys_are_not_shown():
    assert "key" not in repr(UploadKeys.of(ServerKeys(NEW))).replace("UploadKeys", "")
