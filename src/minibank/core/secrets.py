"""Secrets that a scanner can recognise: a prefix, random base-62 digits, and a checksum over both.

Only digests of them are stored.
"""

import hashlib
import zlib

from minibank.core.ids import IdSource, decode, encode

RANDOM_DIGITS = 33
"""They hold 192 bits."""
CHECKSUM_DIGITS = 6

_RANDOM_BYTES = 24


def digest(secret: str) -> bytes:
    """What is stored of a secret: SHA-256, which is enough for 160 random bits and more."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_secret(ids: IdSource, prefix: str) -> str:
    """A fresh secret that begins with `prefix` and ends with the CRC-32 of all before."""
    text = prefix + encode(int.from_bytes(ids.secret(_RANDOM_BYTES)), RANDOM_DIGITS)
    return text + encode(_checksum(text), CHECKSUM_DIGITS)


def is_intact(text: str) -> bool:
    """Whether the checksum at the end of a secret is that of what goes before."""
    return decode(text[-CHECKSUM_DIGITS:]) == _checksum(text[:-CHECKSUM_DIGITS])


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode("ascii"))
