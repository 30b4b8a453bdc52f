"""The feed against a list: whatever is paid, posted, dismissed, deleted or expires."""

import asyncio
import os
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
from typing_extensions import override

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.pages import END, START
from minibank.db import Database, open_database
from minibank.feed.items import delete_item, dismiss_item
from minibank.feed.records import FeedItem, item_of
from minibank.feed.store import Reader, find_item, list_page, list_places
from minibank.payments.engine import Engine
from minibank.worker.due import run_due
from tests.conftest import NOON
from tests.support.banking import Orders, open_holders
from tests.support.callers import add_client
from tests.support.outbox import post_item, reader_of

T = TypeVar("T")

EXAMPLES = int(os.environ.get("MINIBANK_EXAMPLES", "20"))
SECOND = 1_000_000


@dataclass(slots=True)
class Entry:
    """Something on the feed: whose it is (nobody's: a transaction), and who dismissed it."""

    id: str
    client_id: str
    expires_at: int | None
    dismissed_by: set[str]


class FeedMachine(RuleBasedStateMachine):
    """A joint account, two clients, and a list of what is on its feed, oldest first."""

    runner: ClassVar[asyncio.Runner]
    db: ClassVar[Database]
    clock: ClassVar[FakeClock]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something asynchronous to its end."""
        return self.runner.run(work)

    @initialize()
    def open_account(self) -> None:
        [self.holder] = self.run(open_holders(self.db, 1, owners=2))
        clients = [self.run(add_client(self.db)).client.id for _ in range(2)]
        self.readers = [
            reader_of(self.holder, client_id, user_id)
            for client_id in clients
            for user_id in self.holder.user_ids
        ]
        self.orders, self.engine = Orders("feed"), Engine(self.db)
        self.entries: list[Entry] = []

    @rule()
    def money_comes(self) -> None:
        self.clock.advance(0.001)
        outcome = self.run(self.engine.execute(self.orders.top_up(self.holder, 1)))
        self.entries.append(Entry(str(outcome.transaction_id), "", None, set()))

    @rule(who=st.integers(0, 3), lives=st.sampled_from((None, None, 5, 50)))
    def an_item_is_posted(self, who: int, lives: int | None) -> None:
        self.clock.advance(0.001)
        reader = self.readers[who]
        expires_at = None if lives is None else self.clock.now() + lives * SECOND
        item_id = self.run(post_item(self.db, reader, expires_at=expires_at))
        self.entries.append(Entry(item_id, reader.client_id, expires_at, set()))

    @precondition(lambda self: self.entries)
    @rule(which=st.integers(0, 50), user=st.integers(0, 1))
    def something_is_dismissed(self, which: int, user: int) -> None:
        entry = self.entries[which % len(self.entries)]
        if entry.expires_at is not None and entry.expires_at <= self.clock.now():
            return
        user_id = self.holder.user_ids[user]
        shown = entry.id if entry.client_id else item_of(entry.id)
        self.run(self.db.transact(lambda tx: dismiss_item(tx, shown, user_id)))
        entry.dismissed_by.add(user_id)

    @precondition(lambda self: self.entries)
    @rule(which=st.integers(0, 50))
    def an_item_is_deleted(self, which: int) -> None:
        entry = self.entries[which % len(self.entries)]
        shard, client_id = self.holder.shard, entry.client_id
        found = self.run(self.db.read(lambda tx: find_item(tx, shard, entry.id, client_id)))
        if found is not None:
            item = found
            self.run(self.db.transact(lambda tx: delete_item(tx, item, lambda _: None)))
            self.entries.remove(entry)

    @rule(seconds=st.sampled_from((1, 6, 60)), swept=st.booleans())
    def time_passes(self, seconds: int, swept: bool) -> None:
        self.clock.advance(seconds)
        gone = [e for e in self.entries if e.expires_at and e.expires_at <= self.clock.now()]
        if swept:
            assert self.run(run_due(self.db, self.engine)).put_off == 0
        self.entries = [e for e in self.entries if e not in gone]

    @rule(who=st.integers(0, 3), limit=st.integers(1, 5))
    def a_walk_back_visits_all_of_it_once(self, who: int, limit: int) -> None:
        reader = self.readers[who]
        expected = self._expected(reader)
        walked: list[str] = []
        until = END
        while page := self._page(reader, limit, until):
            walked += page
            last = page[-1]
            until = self.run(self.db.read(lambda tx: list_places(tx, reader, [last])))[last]  # noqa: B023 - run at once
        assert walked == expected

    def _page(self, reader: Reader, limit: int, until: Any) -> list[str]:
        page = self.run(self.db.read(lambda tx: list_page(tx, reader, START, until, limit)))
        assert len(page) <= limit
        return [one.id if isinstance(one, FeedItem) else one for one in page]

    def _expected(self, reader: Reader) -> list[str]:
        return [
            entry.id
            for entry in reversed(self.entries)
            if entry.client_id in ("", reader.client_id)
            and reader.user_id not in entry.dismissed_by
        ]

    @invariant()
    def every_reader_sees_what_is_theirs(self) -> None:
        if hasattr(self, "entries"):
            for reader in self.readers:
                assert self._page(reader, 1000, END) == self._expected(reader)

    @override
    def teardown(self) -> None:
        """Nothing is left behind that fits nothing."""
        if hasattr(self, "engine"):
            self.run(self.engine.drain())
        assert self.run(audit(self.db)).findings == []


def test_the_feed_is_what_the_list_says(database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = FakeClock(NOON)
        db = runner.run(open_database(database_url, clock))
        machine = type("Machine", (FeedMachine,), {"runner": runner, "db": db, "clock": clock})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(db.close())
