"""What tokens and client secrets look like.

    mb_at_ | shard (3 base-62 digits) | 33 random base-62 digits | CRC-32 (6 base-62 digits)

`mb_at_` marks an access token, `mb_rt_` a refresh token, `mb_cs_` a client secret, which carries no
shard. The prefix and the checksum, over all that goes before it, let a secret scanner find a leaked
one without asking anybody; the shard lets a token route itself. The random part has 192 bits. Only
digests are stored.
"""

import hashlib
import re
import zlib
from typing import Final, Literal

from msgspec import Struct

from minibank.core.ids import SHARDS, IdSource, decode, encode

Kind = Literal["access", "refresh"]

ACCESS: Final = "mb_at_"
REFRESH: Final = "mb_rt_"
CLIENT: Final = "mb_cs_"

_KINDS: dict[str, Kind] = {ACCESS: "access", REFRESH: "refresh"}
_PREFIX_OF = {kind: prefix for prefix, kind in _KINDS.items()}
_SHARD_DIGITS = 3
_RANDOM_DIGITS = 33
_CHECKSUM_DIGITS = 6
_RANDOM_BYTES = 24
_TOKEN = re.compile(r"mb_[ar]t_[0-9A-Za-z]{42}", re.ASCII)
_CLIENT_SECRET = re.compile(r"mb_cs_[0-9A-Za-z]{39}", re.ASCII)


class ParsedToken(Struct, frozen=True):
    """What a token says about itself: what it is, where it lives, what it is stored as."""

    kind: Kind
    shard: int
    digest: bytes


def digest(secret: str) -> bytes:
    """What is stored of a secret: SHA-256, which is enough for 160 random bits and more."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_token(ids: IdSource, kind: Kind, shard: int) -> str:
    """A fresh token that lives in this shard."""
    return _with_checksum(_PREFIX_OF[kind] + encode(shard, _SHARD_DIGITS) + _random(ids))


def new_client_secret(ids: IdSource) -> str:
    """A fresh client secret."""
    return _with_checksum(CLIENT + _random(ids))


def parse_token(text: str) -> ParsedToken | None:
    """What a token says; None for what cannot be one of ours, whatever it is."""
    if not _TOKEN.fullmatch(text) or not _is_intact(text):
        return None
    start = len(ACCESS)
    shard = decode(text[start : start + _SHARD_DIGITS])
    if shard is None or shard >= SHARDS:
        return None
    return ParsedToken(_KINDS[text[:start]], shard, digest(text))


def is_client_secret(text: str) -> bool:
    """Whether this has the form and the checksum of a client secret."""
    return _CLIENT_SECRET.fullmatch(text) is not None and _is_intact(text)


def _random(ids: IdSource) -> str:
    return encode(int.from_bytes(ids.secret(_RANDOM_BYTES)), _RANDOM_DIGITS)


def _checksum(text: str) -> str:
    return encode(zlib.crc32(text.encode("ascii")), _CHECKSUM_DIGITS)


def _with_checksum(text: str) -> str:
    return text + _checksum(text)


def _is_intact(text: str) -> bool:
    checksum = zlib.crc32(text[:-_CHECKSUM_DIGITS].encode("ascii"))
    return decode(text[-_CHECKSUM_DIGITS:]) == checksum
