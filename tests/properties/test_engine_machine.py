"""The engine against a small model: whatever happens in whatever order, both say the same.

MINIBANK_EXAMPLES=1000 looks longer than the usual runs do.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import msgspec
import pytest
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

from minibank.accounts.opening import set_account_state, set_overdraft_limit
from minibank.accounts.records import AccountState
from minibank.audit import AuditReport, Plan, audit
from minibank.audit.findings import Mark
from minibank.audit.marks.marks import VerifiedMark
from minibank.audit.plan import never
from minibank.core.clock import FakeClock
from minibank.core.errors import BankError, Conflict
from minibank.db import Database, ReadTx, open_database
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import Engine, EngineSettings
from minibank.pots.changes import lock_pot, unlock_pot
from minibank.pots.store import list_pots_of
from minibank.webhooks.records import Webhook
from minibank.worker.due import run_due
from tests.conftest import NOON
from tests.support.bank_model import Answer, BankModel, Money, SetAside
from tests.support.banking import Holder, list_history, open_holders
from tests.support.callers import add_client
from tests.support.outbox import list_told, listen, stop_listening
from tests.support.pots import open_pot
from tests.support.rails import Rails, suspense_of

T = TypeVar("T")
NEWS = Plan(starts_over=never, leaves_marks=True)

EXAMPLES = int(os.environ.get("MINIBANK_EXAMPLES", "30"))
STEPS = 30
PEOPLE = 3
HOLD_SECONDS = 1000
VERBS = (
    *("top_up", "receive", "send", "between", "refund"),
    *("authorise", "authorise", "increment", "reverse", "reverse_all", "expire"),
    *("present", "present", "present_alone"),
    *("deposit", "deposit", "withdraw", "delete_pot"),
    *("pay_in", "pay_out", "fee", "adjust", "suspend", "suspend_refund"),
    *("come_back", "come_back_in_part", "reject", "send_back", "unfee"),
    *("refund_of", "refund_of", "dispute", "dispute", "dispute_in_part"),
    *("win", "lose", "clear", "clear_to_scheme", "keep", "give_back"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants; `which` chooses among the authorisations and pots there are by then."""

    verb: str
    who: int
    amount: int
    other: int
    which: int


WISHES = st.builds(
    Wish,
    verb=st.sampled_from(VERBS),
    who=st.integers(0, PEOPLE - 1),
    amount=st.one_of(st.integers(0, 300), st.sampled_from((0, 1, 100, 1000))),
    other=st.integers(0, PEOPLE - 1),
    which=st.integers(0, 20),
)


class EngineMachine(RuleBasedStateMachine):
    """Three people, one engine, and a model that is asked first."""

    runner: ClassVar[asyncio.Runner]
    db: ClassVar[Database]
    clock: ClassVar[FakeClock]
    examples: ClassVar[int] = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something asynchronous to its end."""
        return self.runner.run(work)

    @initialize(limits=st.tuples(*[st.sampled_from((0, 0, 100, 500))] * PEOPLE))
    def open_accounts(self, limits: tuple[int, ...]) -> None:
        # The bank's own account lives through all examples.
        type(self).examples += 1
        self.orders = Rails(f"machine-{self.examples}")
        self.engine = Engine(self.db, EngineSettings(hold_seconds=HOLD_SECONDS, batch_max=4))
        self.people: list[Holder] = []
        for limit in limits:
            self.people += self.run(open_holders(self.db, 1, overdraft_limit=limit))
        accounts = [person.account_id for person in self.people]
        money = {one: Money(limit=limit) for one, limit in zip(accounts, limits, strict=True)}
        self.bank = self.run(suspense_of(self.db))
        money[self.bank.account_id] = Money()
        self.model = BankModel(money, HOLD_SECONDS, bank=self.bank.account_id)
        self.known: list[tuple[Holder, str]] = []
        self.pots: list[tuple[Holder, str]] = []
        for person in self.people:
            self.open_a_pot(person)
        self.made: list[tuple[Holder, str]] = []
        self.sent: list[Command] = []
        client = self.run(add_client(self.db)).client
        self.client_id = client.id
        self.listening: dict[str, Listening] = {}

    def open_a_pot(self, person: Holder) -> None:
        pot_id = self.run(open_pot(self.db, person))
        self.pots.append((person, pot_id))
        self.model.pots[pot_id] = SetAside(person.account_id)

    def command(self, wish: Wish) -> Command:
        """The command that a wish comes to."""
        person, other = self.people[wish.who], self.people[wish.other]
        holder, hold = person, "auth_nothing"
        if self.known:
            holder, hold = self.known[-1 - wish.which % len(self.known)]
        saver, pot = self.pots[-1 - wish.which % len(self.pots)]
        orders, amount = self.orders, wish.amount
        mover, original = person, "tx_nothing"
        if self.made:
            mover, original = self.made[-1 - wish.which % len(self.made)]
        wanted: dict[str, Callable[[], Command]] = {
            "top_up": lambda: orders.top_up(person, amount),
            "receive": lambda: orders.receive(person, amount),
            "send": lambda: orders.send(person, amount),
            "between": lambda: orders.between(person, other, amount),
            "refund": lambda: orders.refund(person, amount),
            "authorise": lambda: orders.authorise(person, amount),
            "increment": lambda: orders.increment(holder, hold, amount),
            "reverse": lambda: orders.reverse(holder, hold, amount),
            "reverse_all": lambda: orders.reverse(holder, hold),
            "expire": lambda: orders.expire(holder, hold),
            "present": lambda: orders.present(holder, amount, hold),
            "present_alone": lambda: orders.present(person, amount),
            # Somebody else's pot, now and then.
            "deposit": lambda: orders.deposit(person if wish.which > 18 else saver, pot, amount),
            "withdraw": lambda: orders.withdraw(person if wish.which > 18 else saver, pot, amount),
            "delete_pot": lambda: orders.delete_pot(saver, pot),
            "pay_in": lambda: orders.pay_in(person, amount),
            "pay_out": lambda: orders.pay_out(person, amount),
            "fee": lambda: orders.fee(person, amount),
            "adjust": lambda: orders.adjust(person, amount - 150),
            "suspend": lambda: orders.suspend(self.bank, amount),
            "suspend_refund": lambda: orders.suspend(self.bank, amount, kind="refund"),
            "come_back": lambda: orders.come_back(mover, original),
            "come_back_in_part": lambda: orders.come_back(mover, original, amount),
            "reject": lambda: orders.reject(mover, original),
            "send_back": lambda: orders.send_back(mover, original),
            "unfee": lambda: orders.unfee(mover, original),
            "refund_of": lambda: orders.refund(mover, amount, original_transaction_id=original),
            "dispute": lambda: orders.dispute(mover, original),
            "dispute_in_part": lambda: orders.dispute(mover, original, amount),
            "win": lambda: orders.resolve(mover, original, "won"),
            "lose": lambda: orders.resolve(mover, original, "lost"),
            "clear": lambda: orders.clear(self.bank, original, person),
            "clear_to_scheme": lambda: orders.clear(self.bank, original),
            "keep": lambda: orders.clear(mover, original, person if mover == self.bank else mover),
            "give_back": lambda: orders.clear(mover, original),
        }
        return wanted[wish.verb]()

    async def execute(self, command: Command) -> Outcome | BankError:
        try:
            return await self.engine.execute(command)
        except BankError as refusal:
            return refusal

    async def execute_all(self, commands: Sequence[Command]) -> list[Outcome | BankError]:
        return await asyncio.gather(*(self.execute(command) for command in commands))

    def expect(self, commands: Sequence[Command]) -> None:
        """Execute commands at once, and compare each answer with the model's."""
        expected = [self.model.execute(command, self.clock.now()) for command in commands]
        answers = self.run(self.execute_all(commands))
        for command, answer in zip(commands, answers, strict=True):
            self.learn(command, answer)
        assert [told(answer) for answer in answers] == expected

    def learn(self, command: Command, answer: Outcome | BankError) -> None:
        """Remember what can be repeated, and the names of new holds."""
        if isinstance(answer, BankError):
            return
        self.sent.append(command)
        made = answer.transaction_id
        if made is not None and made not in self.model.rails.names:
            self.model.rails.names[made] = command.id
            everybody = [*self.people, self.bank]
            [mover] = [one for one in everybody if one.account_id == command.account_id]
            self.made.append((mover, made))
        hold = answer.authorisation_id
        if hold is not None and hold not in self.model.names:
            self.model.names[hold] = command.id
            [holder] = [one for one in self.people if one.account_id == command.account_id]
            self.known.append((holder, hold))

    @rule(wish=WISHES)
    def one_command(self, wish: Wish) -> None:
        self.expect([self.command(wish)])

    @rule(wishes=st.lists(WISHES, min_size=2, max_size=9))
    def several_at_once(self, wishes: list[Wish]) -> None:
        self.expect([self.command(wish) for wish in wishes])

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 100), times=st.integers(1, 3), wish=WISHES)
    def repeats_at_once_with_something_new(self, which: int, times: int, wish: Wish) -> None:
        again = self.sent[which % len(self.sent)]
        self.expect([*[again] * times, self.command(wish), again])

    @rule(wish=WISHES, times=st.integers(2, 4))
    def a_new_command_several_times_at_once(self, wish: Wish, times: int) -> None:
        self.expect([self.command(wish)] * times)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 100), more=st.integers(1, 50))
    def the_same_id_with_other_content(self, which: int, more: int) -> None:
        first = self.sent[which % len(self.sent)]
        amount = getattr(first, "amount", None) or 0
        field = "amount" if hasattr(first, "amount") else "at"
        self.expect([msgspec.structs.replace(first, **{field: amount + more}), first])

    @rule(who=st.integers(0, PEOPLE - 1), limit=st.sampled_from((0, 100, 500, 1000)))
    def the_limit_changes(self, who: int, limit: int) -> None:
        account_id = self.people[who].account_id
        change = self.db.transact(lambda tx: set_overdraft_limit(tx, account_id, limit))
        is_other = limit != self.model.money[account_id].limit
        if is_other and self.model.available(account_id) < -limit:
            with pytest.raises(Conflict):
                self.run(change)
        else:
            self.run(change)
            self.model.money[account_id].limit = limit

    @rule(who=st.integers(0, PEOPLE - 1))
    def an_account_is_frozen_or_thawed(self, who: int) -> None:
        money = self.model.money[self.people[who].account_id]
        money.frozen = not money.frozen
        account_id = self.people[who].account_id
        state: AccountState = "frozen" if money.frozen else "open"
        self.run(self.db.transact(lambda tx: set_account_state(tx, account_id, state)))

    @rule(who=st.integers(0, PEOPLE - 1))
    def a_pot_is_opened(self, who: int) -> None:
        if not self.model.money[self.people[who].account_id].frozen:
            self.open_a_pot(self.people[who])

    @rule(which=st.integers(0, 20))
    def a_pot_is_locked_or_unlocked(self, which: int) -> None:
        _, pot_id = self.pots[-1 - which % len(self.pots)]
        pot = self.model.pots[pot_id]
        if pot.deleted:
            return
        pot.locked = not pot.locked
        change = lock_pot if pot.locked else unlock_pot
        self.run(self.db.transact(lambda tx: change(tx, pot_id)))

    @rule(who=st.integers(0, PEOPLE - 1))
    def a_client_listens(self, who: int) -> None:
        person = self.people[who]
        webhook = self.run(listen(self.db, self.client_id, person))
        before = len(self.run(list_history(self.db, person)))
        self.listening[webhook.id] = Listening(webhook, person, before)

    @precondition(lambda self: any(one.after is None for one in self.listening.values()))
    @rule(which=st.integers(0, 20))
    def a_client_stops_listening(self, which: int) -> None:
        live = [one for one in self.listening.values() if one.after is None]
        chosen = live[which % len(live)]
        self.run(stop_listening(self.db, chosen.webhook))
        chosen.after = len(self.run(list_history(self.db, chosen.person)))

    @invariant()
    def each_webhook_was_told_of_what_was_new_while_it_was_there(self) -> None:
        if not hasattr(self, "listening"):
            return
        for one in self.listening.values():
            history = [each.id for each in self.run(list_history(self.db, one.person))]
            told_of = self.run(list_told(self.db, one.webhook))
            assert [each.subject for each in told_of] == history[one.before : one.after]
            assert [each.sequence for each in told_of] == list(range(1, len(told_of) + 1))

    # No sum of these is a hold's life, at whose end microseconds would decide.
    @rule(seconds=st.sampled_from((1, HOLD_SECONDS // 10 * 6, HOLD_SECONDS + 1)))
    def time_passes_and_holds_expire(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.model.expire(self.clock.now())
        report = self.run(run_due(self.db, self.engine, clock=self.clock))
        assert report.put_off == 0

    @invariant()
    def money_holds_and_histories_are_the_models(self) -> None:
        if not hasattr(self, "model"):
            return
        seen = self.run(self.db.read(self._look))
        model = self.model
        assert seen.funds == {
            one.account_id: (model.money[one.account_id].booked, model.held(one.account_id))
            for one in self.people
        }
        assert seen.holds == {
            hold: (model.holds[name].state, model.holds[name].amount)
            for hold, name in model.names.items()
        }
        assert seen.transactions == model.transactions
        assert seen.pots == {
            pot_id: (pot.amount, pot.deleted) for pot_id, pot in model.pots.items()
        }

    async def _look(self, tx: ReadTx) -> "Seen":
        keys = (
            [person.shard for person in self.people],
            [person.account_id for person in self.people],
        )
        funds = await tx.fetch(
            "SELECT b.account_id, b.booked, b.held,"
            " (SELECT COUNT(*) FROM transactions t"
            "  WHERE t.shard = b.shard AND t.account_id = b.account_id) AS transactions"
            " FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)"
            " JOIN balances b ON b.shard = k.shard AND b.account_id = k.account_id",
            *keys,
        )
        holds = await tx.fetch(
            "SELECT a.id, a.state, a.held"
            " FROM unnest($1::bigint[], $2::text[]) AS k(shard, account_id)"
            " JOIN authorisations a ON a.shard = k.shard AND a.account_id = k.account_id",
            *keys,
        )
        pots = await list_pots_of(tx, keys)
        return Seen(
            {row["account_id"]: (row["booked"], row["held"]) for row in funds},
            {row["id"]: (row["state"], row["held"]) for row in holds},
            sum(row["transactions"] for row in funds),
            {own.pot.id: (own.pot.balance, own.pot.deleted_at is not None) for own in pots},
        )

    @rule()
    def what_is_new_is_audited(self) -> None:
        report = self.run(audit(self.db, NEWS))
        assert report.findings == []
        assert report.accounts_in_full <= PEOPLE + 1

    @override
    def teardown(self) -> None:
        """The books prove in the end, and those who went on from marks know what there is."""
        if hasattr(self, "engine"):
            self.run(self.engine.drain())
        news, full = self.run(audit(self.db, NEWS)), self.run(audit(self.db))
        assert (news.findings, full.findings) == ([], [])
        assert ends(news) == ends(full)
        assert (news.accounts, news.entry_sets, news.transactions, news.positions) == (
            *(full.accounts, full.entry_sets, full.transactions, full.positions),
        )


def ends(report: AuditReport) -> dict[str, Mark]:
    """Where all accounts end and what they add up to, whenever that was verified."""
    return {
        account_id: replace(mark, verified_at=0, proved_at=0)
        for account_id, mark in report.marks.items()
        if isinstance(mark, VerifiedMark)
    }


@dataclass(slots=True)
class Listening:
    """A webhook, and how long its account's history was when it came and when it went."""

    webhook: Webhook
    person: Holder
    before: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in the database: (booked, held) by account, (state, held) by authorisation, (balance,
    is deleted) by pot."""

    funds: dict[str, tuple[int, int]]
    holds: dict[str, tuple[str, int]]
    transactions: int
    pots: dict[str, tuple[int, bool]]


def told(answer: Outcome | BankError) -> Answer:
    """An answer in the model's words."""
    if isinstance(answer, BankError):
        return answer.code, None
    return answer.status, answer.balance


def test_the_engine_does_what_the_model_does(database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = FakeClock(NOON)
        db = runner.run(open_database(database_url, clock))
        machine = type("Machine", (EngineMachine,), {"runner": runner, "db": db, "clock": clock})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(db.close())
