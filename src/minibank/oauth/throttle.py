"""Limit guesses at passwords, per (client, e-mail) and per network address.

Guesses are counted before they are judged, in rows that all processes share: however many arrive
at once, no more than the limit are judged in a window. A guess that turns out right is taken back.
"""

import hashlib
from dataclasses import dataclass

from minibank.core.addresses import network_of
from minibank.core.ids import SHARDS
from minibank.db import Tx
from minibank.oauth import store
from minibank.oauth.retention.planning import plan_guesses
from minibank.oauth.tokens import MICROSECONDS, TokenRules


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What guesses are counted for: a digest, under its own shard."""

    shard: int
    digest: bytes


def _subject(*parts: str) -> Subject:
    hashed = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return Subject(int.from_bytes(hashed[:4]) % SHARDS, hashed)


def login_subject(client_id: str, email_key: str) -> Subject:
    """One person's password, guessed through one client."""
    return _subject("login", client_id, email_key)


def address_subject(address: str) -> Subject:
    """One network address; for IPv6 its /64, which is what one customer gets."""
    return _subject("address", network_of(address))


@dataclass(frozen=True, slots=True)
class Guess:
    """What one guess counts against; `address` is None where there is none (a local socket)."""

    login: Subject
    address: Subject | None

    @property
    def subjects(self) -> list[Subject]:
        """In the order that all units of work lock them in."""
        return sorted([self.login, self.address] if self.address else [self.login])


def guess_of(client_id: str, email_key: str, address: str | None) -> Guess:
    """What a guess at this person's password, through this client, counts against."""
    return Guess(login_subject(client_id, email_key), address_subject(address) if address else None)


async def count_guess(tx: Tx, guess: Guess, rules: TokenRules) -> bool:
    """Count a guess; whether it may be judged."""
    ends_at = tx.now + rules.password_failures_window_seconds * MICROSECONDS
    may_judge = True
    for subject in guess.subjects:
        is_login = subject == guess.login
        most = rules.password_failures_max if is_login else rules.password_failures_address_max
        count = await store.count_guess(tx, subject.shard, subject.digest, ends_at)
        may_judge = may_judge and count <= most
    await plan_guesses(tx, [subject.shard for subject in guess.subjects], ends_at)
    return may_judge


async def settle_right_guess(tx: Tx, guess: Guess) -> None:
    """The guess was right: its person starts afresh, and its address gets this one guess back.

    The address is not forgiven the rest: one who owns an account may be guessing at others.
    """
    for subject in guess.subjects:
        if subject == guess.login:
            await store.forget_guesses(tx, subject.shard, subject.digest)
        else:
            await store.uncount_guess(tx, subject.shard, subject.digest)
