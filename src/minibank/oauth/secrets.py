"""What tokens and client secrets look like.

    mb_at_ | shard (3 base-62 digits) | 33 random base-62 digits | CRC-32 (6 base-62 digits)

`mb_at_` marks an access token, `mb_rt_` a refresh token, `mb_cs_` a client secret, which carries no
shard. The prefix and the checksum, over all that goes before it, let a secret scanner find a leaked
one without asking anybody; the shard lets a token route itself. The random part has 192 bits. Only
digests are stored.
"""

import re
from typing import Final, Literal

from msgspec import Struct

from minibank.core.ids import SHARDS, IdSource, decode, encode
from minibank.core.secrets import digest, is_intact, new_secret

Kind = Literal["access", "refresh"]

ACCESS: Final = "mb_at_"
REFRESH: Final = "mb_rt_"
CLIENT: Final = "mb_cs_"

_KINDS: dict[str, Kind] = {ACCESS: "access", REFRESH: "refresh"}
_PREFIX_OF = {kind: prefix for prefix, kind in _KINDS.items()}
_SHARD_DIGITS = 3
_TOKEN = re.compile(r"mb_[ar]t_[0-9A-Za-z]{42}", re.ASCII)
_CLIENT_SECRET = re.compile(r"mb_cs_[0-9A-Za-z]{39}", re.ASCII)


class ParsedToken(Struct, frozen=True):
    """What a token says about itself: what it is, where it lives, what it is stored as."""

    kind: Kind
    shard: int
    digest: bytes


def new_token(ids: IdSource, kind: Kind, shard: int) -> str:
    """A fresh token that lives in this shard."""
    return new_secret(ids, _PREFIX_OF[kind] + encode(shard, _SHARD_DIGITS))


def new_client_secret(ids: IdSource) -> str:
    """A fresh client secret."""
    return new_secret(ids, CLIENT)


def parse_token(text: str) -> ParsedToken | None:
    """What a token says; None for what cannot be one of ours, whatever it is."""
    if not _TOKEN.fullmatch(text) or not is_intact(text):
        return None
    start = len(ACCESS)
    shard = decode(text[start : start + _SHARD_DIGITS])
    if shard is None or shard >= SHARDS:
        return None
    return ParsedToken(_KINDS[text[:start]], shard, digest(text))


def is_client_secret(text: str) -> bool:
    """Whether this has the form and the checksum of a client secret."""
    return _CLIENT_SECRET.fullmatch(text) is not None and is_intact(text)
