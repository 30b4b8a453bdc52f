"""Identifiers and secrets; the only module that reads randomness.

An id is a prefix, an underscore and 22 base-62 digits (in ASCII order, so ids of one type sort by
creation). The digits are a 128-bit integer:

    milliseconds since the epoch (64) | shard (12) | counter (16) | random (36)

The shard says where the row lives, so that an id routes itself without a lookup. The counter keeps
the order of ids that one source makes within one millisecond, except where it wraps, once in 65,536
ids: what needs an exact order also sorts by an instant. Ids are not secrets: secrets come from
`IdSource.secret` and carry 160 random bits or more besides their shard.
"""

import hashlib
import hmac
import itertools
import os
import secrets
import string
from functools import lru_cache
from typing import Protocol

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
DIGITS = 22
SHARDS = 4096
SECRET_BYTES = 24

_VALUES = {digit: value for value, digit in enumerate(ALPHABET)}
# Two digits at a time: a page of history and a batch of payments spend their time here.
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_LOW_DIGITS = DIGITS // 2
_LOW = 62**_LOW_DIGITS
_COUNTERS = 1 << 16
_RANDOM_BITS = 36


def encode(number: int, digits: int = DIGITS) -> str:
    """Write a non-negative integer in base 62, zero-padded to `digits`."""
    high, low = divmod(number, _LOW)
    if digits <= _LOW_DIGITS:
        assert high == 0, "the number is negative or needs more digits"
        return _digits(low, digits)
    return _time_digits(high, digits - _LOW_DIGITS) + _digits(low, _LOW_DIGITS)


def _digits(number: int, digits: int) -> str:
    out = []
    for _ in range(digits // 2):
        number, rest = divmod(number, 62 * 62)
        out.append(_PAIRS[rest])
    if digits % 2:
        number, rest = divmod(number, 62)
        out.append(ALPHABET[rest])
    assert number == 0, "the number is negative or needs more digits"
    out.reverse()
    return "".join(out)


_time_digits = lru_cache(maxsize=1024)(_digits)
"""The upper digits of an id, remembered: those of one millisecond have them in common."""


def decode(text: str) -> int | None:
    """Read a base-62 number; None when a character is no base-62 digit."""
    number = 0
    for digit in text:
        value = _VALUES.get(digit)
        if value is None:
            return None
        number = number * 62 + value
    return number


def _number_of(identifier: str) -> int | None:
    prefix, separator, suffix = identifier.rpartition("_")
    # What no id of ours begins with may hold what no database keeps.
    if not separator or len(suffix) != DIGITS or not (prefix.isascii() and prefix.isprintable()):
        return None
    number = _decode_id(suffix)
    return None if number is None or number >> 128 else number


@lru_cache(maxsize=4096)
def _decode_id(digits: str) -> int | None:
    """`decode`, remembered: one request asks several times where the same account lives."""
    return decode(digits)


def shard_of(identifier: str) -> int | None:
    """The shard an id routes to, 0..4095; None when no shard can be read (an unknown id)."""
    number = _number_of(identifier)
    return None if number is None else (number >> 52) & (SHARDS - 1)


def milliseconds_of(identifier: str) -> int | None:
    """When an id was made, in milliseconds since the epoch; None when it cannot be read."""
    number = _number_of(identifier)
    return None if number is None else number >> 64


def compose(prefix: str, at: int, shard: int, counter: int, random: int) -> str:
    """Put an id together from its parts; `at` is in microseconds."""
    assert 0 <= shard < SHARDS
    low = shard << 52 | (counter % _COUNTERS) << _RANDOM_BITS | random % (1 << _RANDOM_BITS)
    return f"{prefix}_{encode((at // 1000) << 64 | low)}"


def shard_of_text(text: str) -> int:
    """The shard of a value that must be unique across customers (an e-mail, an account number)."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % SHARDS


class IdSource(Protocol):
    """Makes ids, shards and secrets; may be shared by threads."""

    def new(self, prefix: str, shard: int, at: int) -> str:
        """A fresh id of this type in this shard, made at the instant `at` (microseconds)."""
        ...

    def shard(self) -> int:
        """Draw a shard for a new user."""
        ...

    def secret(self, size: int = SECRET_BYTES) -> bytes:
        """Fresh unguessable bytes."""
        ...

    def scope(self, key: str) -> "IdSource":
        """The source for one command: in a seeded bank it depends on `key` alone."""
        ...


class RandomIds:
    """Ids with true randomness and a counter that keeps the order in which they were made."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)

    def new(self, prefix: str, shard: int, at: int) -> str:
        """See `IdSource.new`."""
        return compose(prefix, at, shard, next(self._counter), int.from_bytes(os.urandom(5)))

    def shard(self) -> int:
        """See `IdSource.shard`."""
        return secrets.randbelow(SHARDS)

    def secret(self, size: int = SECRET_BYTES) -> bytes:
        """See `IdSource.secret`."""
        return os.urandom(size)

    def scope(self, key: str) -> IdSource:
        """See `IdSource.scope`."""
        return self


class SeededIds:
    """Ids that follow from a seed, a scope and an ordinal, whatever the order of arrival."""

    def __init__(self, seed: str, scope: str = "") -> None:
        self._seed = seed
        self._key = hmac.digest(seed.encode(), scope.encode(), "sha256")
        self._ordinals = itertools.count(1)
        # Each scope counts from a place of its own, in the lower half so as not to wrap soon: ids
        # that many scopes make in one millisecond and shard then differ by more than 36 bits.
        self._first = int.from_bytes(self._draw("first", 2)) >> 1

    def _draw(self, name: object, size: int) -> bytes:
        out = b""
        while len(out) < size:
            out += hmac.digest(self._key, f"{name}:{len(out)}".encode(), "sha256")
        return out[:size]

    def new(self, prefix: str, shard: int, at: int) -> str:
        """See `IdSource.new`."""
        ordinal = next(self._ordinals)
        drawn = int.from_bytes(self._draw(ordinal, 5))
        return compose(prefix, at, shard, self._first + ordinal, drawn)

    def shard(self) -> int:
        """See `IdSource.shard`."""
        return int.from_bytes(self._draw(next(self._ordinals), 4)) % SHARDS

    def secret(self, size: int = SECRET_BYTES) -> bytes:
        """See `IdSource.secret`."""
        return self._draw(next(self._ordinals), size)

    def scope(self, key: str) -> IdSource:
        """See `IdSource.scope`."""
        return SeededIds(self._seed, key)
