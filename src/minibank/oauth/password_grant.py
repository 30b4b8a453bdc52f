"""RFC 6749 section 4.3: a person's e-mail address and password for a pair of tokens.

A password takes too long to verify inside a unit of work, so there are two: one that counts the
guess and finds whom it is about, one that confirms what was verified and issues the tokens.
"""

from dataclasses import dataclass

from minibank.core.ids import shard_of
from minibank.db import Database, Tx
from minibank.identity.emails import email_key
from minibank.identity.passwords import hash_password, needs_rehash, verify_password
from minibank.identity.store import Login, find_login
from minibank.identity.users import confirm_password
from minibank.oauth import refusals
from minibank.oauth.grants import issue_pair
from minibank.oauth.metrics import TokenMetrics
from minibank.oauth.records import Client
from minibank.oauth.throttle import Guess, count_guess, guess_of, settle_right_guess
from minibank.oauth.tokens import Answer, NewPair, TokenRules


@dataclass(frozen=True, slots=True)
class PasswordGuess:
    """An e-mail address, a password, and the network address they came from, if any."""

    username: str
    password: str
    address: str | None


@dataclass(frozen=True, slots=True)
class _Verified:
    user_id: str
    password_hash: str


async def grant_by_password(
    db: Database, client: Client, attempt: PasswordGuess, rules: TokenRules, metrics: TokenMetrics
) -> Answer:
    """A new pair for whoever knows the password; raises `could_not_authenticate` else.

    One answer, at one cost, for an unknown address, a wrong password and too many guesses.
    """
    guess = guess_of(client.id, email_key(attempt.username), attempt.address)
    verified = await _verify(db, attempt, guess, rules, metrics)
    if verified is None:
        raise refusals.could_not_authenticate()
    user_id, verified_hash = verified.user_id, verified.password_hash
    outdated = needs_rehash(verified_hash)
    rehashed = await hash_password(attempt.password) if outdated else None
    shard = shard_of(user_id)
    assert shard is not None, "a user's id says where the user lives"
    pair = NewPair.draw(db.ids, shard, client)

    async def issue(tx: Tx) -> bool:
        if not await confirm_password(tx, user_id, verified_hash, rehashed):
            return False
        if await issue_pair(tx, client, user_id, pair, rules):
            await settle_right_guess(tx, guess)
        return True

    if not await db.transact(issue):
        raise refusals.could_not_authenticate()
    return pair.answer(client, user_id, rules)


async def waste_guess(
    db: Database, attempt: PasswordGuess, rules: TokenRules, metrics: TokenMetrics
) -> None:
    """Do what a wrong password costs, for a client that did not prove itself.

    The guess counts for its network address, and never for a real client: otherwise anybody could
    lock a person out of somebody's app.
    """
    guess = guess_of("", email_key(attempt.username), attempt.address)
    await _verify(db, attempt, guess, rules, metrics)


async def _verify(
    db: Database, attempt: PasswordGuess, guess: Guess, rules: TokenRules, metrics: TokenMetrics
) -> _Verified | None:
    """Whose password this is, if it may be judged and is right."""

    async def count(tx: Tx) -> tuple[bool, Login | None]:
        may_judge = await count_guess(tx, guess, rules)
        return may_judge, await find_login(tx, email_key(attempt.username))

    may_judge, login = await db.transact(count)
    if not may_judge:
        metrics.throttled.add()
    password_hash = login.password_hash if login and may_judge else None
    is_right = await verify_password(password_hash, attempt.password)
    if login is None or password_hash is None or not is_right:
        return None
    return _Verified(login.user.id, password_hash)
