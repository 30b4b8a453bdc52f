"""Passwords: what may be one, and argon2id in threads.

The parameters are OWASP's (19 MiB, two passes, one lane), about 30 ms of one core. Hashing runs in
a few threads of its own, so that a burst of sign-ins neither stops the event loop nor takes all
memory; beyond a bounded queue the caller is told to come back.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from minibank.core.errors import BadParam, MissingParam, RateLimited

T = TypeVar("T")

PASSWORD_BYTES_MIN: Final = 8
PASSWORD_BYTES_MAX: Final = 1024
THREADS_MAX: Final = 4
WAITING_MAX: Final = 256
"""How many hashes may wait for a thread: a few seconds of work."""

_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgcGFzc3dvcmQ$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash that no password has: what is verified against where there is no user."""


class _Threads:
    """A few threads behind a bounded queue."""

    def __init__(self, threads_max: int, waiting_max: int) -> None:
        self._executor = ThreadPoolExecutor(threads_max, "password")
        self._places = BoundedSemaphore(threads_max + waiting_max)

    async def run(self, action: Callable[[], T]) -> T:
        """Run `action` in a thread; `RateLimited` when too many wait already."""
        if not self._places.acquire(blocking=False):
            raise RateLimited(
                "rate_limited.overloaded", "Too many sign-ins at once, try again", retry_after=1
            )
        future = self._executor.submit(action)
        # The place is free when the work is over, not when its caller goes away.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


_THREADS = _Threads(THREADS_MAX, WAITING_MAX)


def require_password(plain: str, name: str = "password") -> str:
    """The password in the form it is hashed in (NFC); `BadParam` when it is too short or long."""
    if not plain:
        raise MissingParam(name)
    normal = unicodedata.normalize("NFC", plain)
    if not _is_of_good_length(normal):
        raise BadParam(name, f"must have {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes")
    return normal


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


async def hash_password(plain: str) -> str:
    """The argon2id hash of a password, in PHC form.

    Raises `BadParam` for a password that breaks the rules, `RateLimited` when too many wait.
    """
    normal = require_password(plain)
    return await _THREADS.run(lambda: _HASHER.hash(normal))


async def verify_password(password_hash: str | None, plain: str) -> bool:
    """Whether this is the password; takes as long where there is no hash (None), to say no.

    Raises `RateLimited` when too many wait.
    """
    normal = unicodedata.normalize("NFC", plain)
    if not _is_of_good_length(normal):
        # Nobody can have it, and it must not be hashed either: the cost would grow with it.
        password_hash, normal = None, ""
    hashed = password_hash or _NOBODYS_HASH
    is_right = await _THREADS.run(lambda: _verify(hashed, normal))
    return is_right and password_hash is not None


def _verify(password_hash: str, plain: str) -> bool:
    try:
        return _HASHER.verify(password_hash, plain)
    except (VerificationError, InvalidHashError):
        return False


def _is_of_good_length(plain: str) -> bool:
    return PASSWORD_BYTES_MIN <= len(plain.encode()) <= PASSWORD_BYTES_MAX
