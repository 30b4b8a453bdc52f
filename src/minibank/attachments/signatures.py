"""Signatures that let whoever has an address send one file, for a while.

What is signed is the upload's id and the instant at which the address ends, with a key that HKDF
derives from the bank's server key; nothing of it is stored. After a rotation the key before the one
in force still verifies.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from minibank.core.errors import Forbidden
from minibank.core.keys import ServerKeys, derive, hkdf

BAD_SIGNATURE = "forbidden.bad_signature"
EXPIRED = "forbidden.upload_expired"
PURPOSE = "upload address"

_SANDBOX = hkdf(b"minibank sandbox", b"uploads")
"""What a sandbox bank without a server key signs with: known to everybody, the same everywhere."""


@dataclass(frozen=True, slots=True)
class UploadKeys:
    """The key in force, and perhaps the one before it."""

    keys: tuple[bytes, ...] = field(default=(_SANDBOX,), repr=False)

    @classmethod
    def of(cls, keys: ServerKeys | None) -> "UploadKeys":
        """From a bank's server keys; from what everybody knows when it has none."""
        if keys is None:
            return cls()
        live = (keys.current, keys.previous) if keys.previous else (keys.current,)
        return cls(tuple(derive(key, PURPOSE) for key in live))

    def sign(self, upload_id: str, expires: int) -> str:
        """The signature of an address for this upload that ends at `expires` (seconds)."""
        return _text(hmac.digest(self.keys[0], _message(upload_id, expires), "sha256"))

    def require(self, upload_id: str, expires: str, signature: str, now: int) -> None:
        """`Forbidden` unless the bank signed this for this upload and it has not ended.

        `now` is in microseconds. Who signed is asked first: of an address that was not signed here
        it means nothing when it ends.
        """
        is_number = expires.isascii() and expires.isdecimal() and len(expires) <= 12
        given = _bytes(signature)
        message = _message(upload_id, int(expires)) if is_number else b""
        made = [hmac.digest(key, message, "sha256") for key in self.keys]
        # A list, because a generator would stop at the first match.
        if not any([hmac.compare_digest(one, given) for one in made]):  # noqa: C419
            raise Forbidden(BAD_SIGNATURE, "The signature is not of this address")
        if now >= int(expires) * 1_000_000:
            raise Forbidden(EXPIRED, "The address has ended: ask for another")


def _message(upload_id: str, expires: int) -> bytes:
    return f"{upload_id}|{expires}".encode("utf-8", "surrogateescape")


def _text(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
