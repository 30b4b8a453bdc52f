"""Tokens against a model of a few lines: whatever happens in whatever order, both agree."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from minibank.core.clock import FakeClock
from minibank.core.errors import BankError
from minibank.core.ids import shard_of
from minibank.db import Database, open_database
from minibank.identity.store import User
from minibank.oauth import revocation
from minibank.oauth.clients import disable_client
from minibank.oauth.grants import issue_pair
from minibank.oauth.tokens import NewPair, TokenRules
from tests.conftest import NOON
from tests.support.people import (
    App,
    UnclearCommits,
    caller_of,
    code_of,
    new_app,
    new_person,
    refresh,
)

T = TypeVar("T")

OK = "ok"
BAD_ACCESS = "unauthorized.bad_access_token"
EXPIRED_ACCESS = "unauthorized.bad_access_token.expired"
EVICTED_ACCESS = "unauthorized.bad_access_token.evicted"
BAD_REFRESH = "unauthorized.bad_refresh_token"
EVICTED_REFRESH = "unauthorized.bad_refresh_token.evicted"
NOT_ENABLED = "bad_request.client_not_enabled"

PEOPLE, APPS, PUBLIC = 2, 3, 2
"""How many people and apps there are; the app with the last number is a public one."""

Holder = tuple[int, int]
"""An app and a person, by number."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair of tokens and whose it is; instants in microseconds."""

    holder: Holder
    access: str
    refresh: str | None
    issued_at: int

    @property
    def tokens(self) -> list[str]:
        """Its one or two tokens."""
        return [token for token in (self.access, self.refresh) if token]


class Model:
    """What should be true: the live pair of each app and person, and why each other one ended."""

    def __init__(self, rules: TokenRules) -> None:
        self.rules = rules
        self.live: dict[Holder, Pair] = {}
        self.pairs: list[Pair] = []
        self.reasons: dict[str, str] = {}
        self.reuses: dict[str, int] = {}
        self.disabled: set[int] = set()

    def start(self, pair: Pair) -> None:
        """A new pair; the one before it is evicted."""
        self.end(pair.holder, "evicted", "evicted")
        self.live[pair.holder] = pair
        self.pairs.append(pair)

    def end(self, holder: Holder, access: str, refresh_: str) -> None:
        """The live pair ends, if there is one."""
        ended = self.live.pop(holder, None)
        if ended is not None:
            self.reasons[ended.access] = access
            if ended.refresh:
                self.reasons[ended.refresh] = refresh_

    def of(self, token: str) -> Pair:
        """The pair that a token came with."""
        return next(pair for pair in self.pairs if token in pair.tokens)

    def is_live(self, token: str) -> bool:
        """Whether the token's pair has not ended."""
        return token not in self.reasons

    def access(self, token: str, now: int) -> str:
        """What a request with this access token is answered."""
        pair = self.of(token)
        if not self.is_live(token):
            return EVICTED_ACCESS if self.reasons[token] == "evicted" else BAD_ACCESS
        if pair.holder[0] in self.disabled:
            return BAD_ACCESS
        age = now - pair.issued_at
        return OK if age < self.rules.access_token_seconds * 1_000_000 else EXPIRED_ACCESS

    def refresh(self, app: int, token: str, now: int) -> str:
        """What the refresh of this token by this app is answered, and what it does."""
        pair = self.of(token)
        if app in self.disabled:
            return NOT_ENABLED
        if pair.holder[0] != app:
            return BAD_REFRESH
        if self.is_live(token):
            age_max = self.rules.refresh_token_seconds * 1_000_000
            return OK if not age_max or now - pair.issued_at < age_max else BAD_REFRESH
        if self.reasons[token] == "spent":
            self.reuses[token] = self.reuses.get(token, 0) + 1
            if self.rules.revoke_on_refresh_reuse:
                self.end(pair.holder, "revoked", "revoked")
        return BAD_REFRESH if self.reasons[token] in {"spent", "revoked"} else EVICTED_REFRESH


class TokensMachine(RuleBasedStateMachine):
    """Does to the bank what it does to the model."""

    runner: ClassVar[asyncio.Runner]
    bank: ClassVar[Database]
    clock: ClassVar[FakeClock]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def now(self) -> int:
        return self.clock.now()

    @initialize(strict=st.booleans(), refresh_seconds=st.sampled_from([0, 100]))
    def set_up(self, strict: bool, refresh_seconds: int) -> None:
        self.rules_ = TokenRules(
            access_token_seconds=50,
            refresh_token_seconds=refresh_seconds,
            revoke_on_refresh_reuse=strict,
        )
        self.model = Model(self.rules_)
        self.people, self.apps = self.run(self._people_and_apps())

    async def _people_and_apps(self) -> tuple[list[User], list[App]]:
        salt = self.bank.ids.secret(8).hex()
        people = [
            await new_person(self.bank, f"{n}.{salt}@example.com", password_hash=None)
            for n in range(PEOPLE)
        ]
        return people, [await new_app(self.bank, confidential=n != PUBLIC) for n in range(APPS)]

    async def _issue(self, db: Database, holder: Holder) -> Pair:
        app, person = self.apps[holder[0]], self.people[holder[1]]
        pair = NewPair.draw(self.bank.ids, shard_of(person.id) or 0, app.client)
        await db.transact(lambda tx: issue_pair(tx, app.client, person.id, pair, self.rules_))
        return Pair(holder, pair.access, pair.refresh, self.now)

    async def _refresh(self, db: Database, app: int, token: str) -> Pair | BankError:
        try:
            answer = await refresh(db, self.apps[app], token, self.rules_)
        except BankError as refusal:
            return refusal
        assert answer["client_id"] == self.apps[app].id
        [person] = [n for n, user in enumerate(self.people) if user.id == answer["user_id"]]
        access, new = str(answer["access_token"]), str(answer["refresh_token"])
        return Pair((app, person), access, new, self.now)

    def _choose(self, data: st.DataObject, tokens: list[str]) -> str:
        # The newest first: a machine that shrinks comes to the token it has just made.
        return data.draw(st.sampled_from(tokens[::-1]))

    @property
    def access_tokens(self) -> list[str]:
        return [pair.access for pair in self.model.pairs]

    @property
    def refresh_tokens(self) -> list[str]:
        return [pair.refresh for pair in self.model.pairs if pair.refresh]

    def has_pairs(self) -> bool:
        return bool(self.model.pairs)

    def has_refresh_tokens(self) -> bool:
        return bool(self.refresh_tokens)

    @rule(app=st.integers(0, APPS - 1), person=st.integers(0, PEOPLE - 1), is_unclear=st.booleans())
    def issue(self, app: int, person: int, is_unclear: bool) -> None:
        db = UnclearCommits(self.bank) if is_unclear else self.bank
        self.model.start(self.run(self._issue(db, (app, person))))

    @rule(app=st.integers(0, APPS - 1), person=st.integers(0, PEOPLE - 1))
    def issue_at_once(self, app: int, person: int) -> None:
        async def race() -> list[Pair]:
            return await asyncio.gather(*(self._issue(self.bank, (app, person)) for _ in range(3)))

        pairs = self.run(race())
        answers = [self._answer(pair.access) for pair in pairs]
        if app not in self.model.disabled:
            assert answers.count(OK) == 1
        # The one that was not evicted came last.
        for pair in sorted(pairs, key=lambda pair: self._answer(pair.access) != EVICTED_ACCESS):
            self.model.start(pair)

    @precondition(has_refresh_tokens)
    @rule(data=st.data(), by_another=st.integers(0, 9), is_unclear=st.booleans())
    def refresh(self, data: st.DataObject, by_another: int, is_unclear: bool) -> None:
        token = self._choose(data, self.refresh_tokens)
        app = by_another if by_another < PUBLIC else self.model.of(token).holder[0]
        expected = self.model.refresh(app, token, self.now)
        is_unclear = is_unclear and expected == OK
        db = UnclearCommits(self.bank) if is_unclear else self.bank
        answer = self.run(self._refresh(db, app, token))
        assert code_of(answer) == expected
        if isinstance(answer, Pair):
            self._exchange(token, answer)

    def _exchange(self, token: str, new: Pair) -> None:
        holder = self.model.of(token).holder
        assert new.holder == holder
        self.model.end(holder, "evicted", "spent")
        self.model.start(new)

    @precondition(has_refresh_tokens)
    @rule(data=st.data(), times=st.integers(2, 4))
    def refresh_at_once(self, data: st.DataObject, times: int) -> None:
        token = self._choose(data, self.refresh_tokens)
        app = self.model.of(token).holder[0]

        async def race() -> list[Pair | BankError]:
            return await asyncio.gather(
                *(self._refresh(self.bank, app, token) for _ in range(times))
            )

        answers = self.run(race())
        expected = []
        for _ in range(times):
            expected.append(self.model.refresh(app, token, self.now))
            if expected[-1] == OK:
                [new] = [answer for answer in answers if isinstance(answer, Pair)]
                self._exchange(token, new)
        assert sorted(map(code_of, answers)) == sorted(expected)

    @precondition(has_pairs)
    @rule(data=st.data())
    def log_out(self, data: st.DataObject) -> None:
        token = self._choose(data, self.access_tokens)
        is_live = self.model.is_live(token)
        ended = self.run(self.bank.transact(lambda tx: revocation.logout(tx, token, self.rules_)))
        assert ended == is_live
        if is_live:
            self.model.end(self.model.of(token).holder, "logged_out", "logged_out")

    @precondition(has_pairs)
    @rule(data=st.data())
    def revoke_token(self, data: st.DataObject) -> None:
        token = self._choose(data, self.access_tokens + self.refresh_tokens)
        is_live = self.model.is_live(token)
        ended = self.run(
            self.bank.transact(lambda tx: revocation.revoke_token(tx, token, self.rules_))
        )
        assert ended == is_live
        if is_live:
            self.model.end(self.model.of(token).holder, "revoked", "revoked")

    @rule(person=st.integers(0, PEOPLE - 1))
    def revoke_person(self, person: int) -> None:
        user_id = self.people[person].id
        ended = self.run(
            self.bank.transact(lambda tx: revocation.revoke_user(tx, user_id, self.rules_))
        )
        holders = [holder for holder in self.model.live if holder[1] == person]
        assert ended == len(holders)
        for holder in holders:
            self.model.end(holder, "revoked", "revoked")

    @rule(app=st.integers(0, APPS - 1))
    def disable(self, app: int) -> None:
        self.run(self.bank.transact(lambda tx: disable_client(tx, self.apps[app].id)))
        self.model.disabled.add(app)

    @rule(seconds=st.sampled_from([1, 25, 49, 50, 51, 99, 100]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    def _answer(self, token: str) -> str:
        async def ask() -> str:
            try:
                caller = await caller_of(self.bank, token)
            except BankError as refusal:
                return refusal.code
            app, person = self.model.of(token).holder if self._is_known(token) else (None, None)
            if app is not None and person is not None:
                assert caller.client_id == self.apps[app].id
                assert caller.user_id == self.people[person].id
            return OK

        return self.run(ask())

    def _is_known(self, token: str) -> bool:
        return any(token in pair.tokens for pair in self.model.pairs)

    @invariant()
    def every_access_token_is_answered_as_the_model_says(self) -> None:
        if hasattr(self, "model"):
            for token in self.access_tokens:
                assert self._answer(token) == self.model.access(token, self.now)

    @invariant()
    def each_app_and_person_have_one_live_pair_at_most(self) -> None:
        if hasattr(self, "model"):
            ids = [user.id for user in self.people]
            rows = self.run(
                self.bank.read(
                    lambda tx: tx.fetch(
                        "SELECT client_id, user_id FROM token_pairs"
                        " WHERE shard = ANY($1) AND user_id = ANY($2)",
                        [shard_of(id_) or 0 for id_ in ids],
                        ids,
                    )
                )
            )
            kept = sorted((row["client_id"], row["user_id"]) for row in rows)
            assert kept == sorted(
                (self.apps[app].id, self.people[person].id) for app, person in self.model.live
            )

    @invariant()
    def every_reuse_is_on_record(self) -> None:
        if hasattr(self, "model"):
            ids = [user.id for user in self.people]
            rows = self.run(
                self.bank.read(
                    lambda tx: tx.fetch(
                        "SELECT reuse_count FROM former_tokens WHERE shard = ANY($1)"
                        " AND user_id = ANY($2) AND reuse_count > 0",
                        [shard_of(id_) or 0 for id_ in ids],
                        ids,
                    )
                )
            )
            assert sorted(row[0] for row in rows) == sorted(self.model.reuses.values())


def test_tokens_do_what_the_model_does(database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = FakeClock(NOON)
        bank = runner.run(open_database(database_url, clock))
        machine = type(
            "Machine", (TokensMachine,), {"runner": runner, "bank": bank, "clock": clock}
        )
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=25,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(bank.close())
