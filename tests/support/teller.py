"""A teller who puts a whole bank through everything that can happen to money."""

from dataclasses import dataclass, field

from minibank.accounts.opening import set_account_state, set_card_state, set_overdraft_limit
from minibank.core.errors import BankError
from minibank.db import Database
from minibank.feed.items import dismiss_item
from minibank.journal.subtotals.rolling import EVERYWHERE, roll_up
from minibank.payments.commands import Command, Outcome
from minibank.payments.engine import Engine
from minibank.pots.changes import lock_pot
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder, add_merchant, open_holder, read_funds
from tests.support.callers import add_client
from tests.support.outbox import (
    deliver,
    listen,
    post_item,
    purge_now,
    reader_of,
    stop_listening,
)
from tests.support.pots import open_pot
from tests.support.rails import Rails
from tests.support.rails_teller import use_rails

EUROS = {"local_amount": 600, "local_currency": "EUR"}


@dataclass
class Teller:
    """Three customers: Ada, Brian with an overdraft, and a couple with a joint account."""

    db: Database
    engine: Engine
    orders: Rails
    merchant_id: str
    ada: Holder
    brian: Holder
    couple: Holder
    done: list[Outcome] = field(default_factory=list)

    @classmethod
    async def open(cls, db: Database) -> "Teller":
        """A bank with its customers, in which nothing has happened yet."""
        return cls(
            db=db,
            engine=Engine(db),
            orders=Rails(),
            merchant_id=await add_merchant(db),
            ada=await open_holder(db),
            brian=await open_holder(db, overdraft_limit=500),
            couple=await open_holder(db, owners=2),
        )

    @property
    def holders(self) -> tuple[Holder, ...]:
        """All customers."""
        return self.ada, self.brian, self.couple

    async def do(self, command: Command) -> Outcome:
        """Execute a command that must be answered with an outcome."""
        outcome = await self.engine.execute(command)
        self.done.append(outcome)
        return outcome

    async def hold(self, holder: Holder, amount: int, **more: object) -> str:
        """An approved authorisation; its id."""
        outcome = await self.do(self.orders.authorise(holder, amount, **more))
        assert outcome.authorisation_id is not None, outcome
        return outcome.authorisation_id

    async def refused(self, command: Command) -> str:
        """Execute a command that must be refused; the code."""
        try:
            outcome = await self.engine.execute(command)
        except BankError as refusal:
            return refusal.code
        raise AssertionError(outcome)

    async def begin(self) -> None:
        """A first day for every customer: some money, a paid hold, and one that stays open."""
        for holder in self.holders:
            await self.do(self.orders.top_up(holder, 2_000))
            paid = await self.hold(holder, 400)
            await self.do(self.orders.present(holder, 400, paid))
            await self.hold(holder, 170)
        await self.do(self.orders.between(self.ada, self.couple, 30))
        await roll_up(self.db, EVERYWHERE)

    async def do_everything(self) -> None:
        """Every command in every way it can end, for every customer."""
        webhook = await self._listen()
        for holder in self.holders:
            await self._move_money(holder)
            await self._pay_by_card(holder)
            await self._change_holds(holder)
            await self._save(holder)
        await self._transfer()
        await use_rails(self.db, self.do, self.orders, self.couple)
        await self._be_declined()
        await self._repeat()
        await roll_up(self.db, EVERYWHERE)
        await self._overdraw()
        await self._tell(webhook)

    async def _listen(self) -> Webhook:
        """Webhooks that stay, one that is told of nothing, one that goes; and items on feeds."""
        app, other = [(await add_client(self.db, name)).client.id for name in ("App", "Other")]
        webhook, *_ = [await listen(self.db, one, self.couple) for one in (app, app, other)]
        await listen(self.db, app, self.ada, events=("balance.updated",))
        brief = await listen(self.db, app, self.brian)
        await stop_listening(self.db, await listen(self.db, app, self.brian))
        await self.do(self.orders.top_up(self.brian, 1))
        await stop_listening(self.db, brief)
        await self.do(self.orders.top_up(self.brian, 1))
        reader = reader_of(self.couple, app)
        later = self.db.clock.now() + 10**9
        lasting = await post_item(self.db, reader, key="rain")
        await post_item(self.db, reader, key="rain")
        await post_item(self.db, reader_of(self.ada, other), expires_at=later, title="Short")
        await self.db.transact(lambda tx: dismiss_item(tx, lasting, reader.user_id))
        return webhook

    async def _tell(self, webhook: Webhook) -> None:
        """The first of what a webhook is told: some is over for so long that it is gone."""
        await deliver(self.db, webhook, 1, 200)
        await deliver(self.db, webhook, 2, 410)
        await purge_now(self.db, webhook)
        await deliver(self.db, webhook, 3, 500, 200)
        await deliver(self.db, webhook, 4, 500, 410)
        await deliver(self.db, webhook, 5, 500)

    async def _move_money(self, holder: Holder) -> None:
        await self.do(self.orders.top_up(holder, 10_000))
        await self.do(self.orders.receive(holder, 5_000, category="income"))
        await self.do(self.orders.send(holder, 1_000, user_id=holder.user_ids[-1]))
        await self.refused(self.orders.send(holder, 10**9))

    async def _pay_by_card(self, holder: Holder) -> None:
        orders = self.orders
        for amount, final in ((500, 500), (500, 700), (500, 300), (500, 0)):
            await self.do(orders.present(holder, final, await self.hold(holder, amount)))
        abroad = await self.hold(holder, 500, merchant_id=self.merchant_id, **EUROS)
        await self.do(orders.present(holder, 450, abroad, local_amount=540))
        twice = await self.do(orders.present(holder, 100, abroad))
        original = twice.transaction_id
        await self.do(orders.refund(holder, 100, original_transaction_id=original))
        await self.do(orders.present(holder, 250, merchant_id=self.merchant_id))
        await self.do(orders.present(holder, 0))

    async def _change_holds(self, holder: Holder) -> None:
        orders = self.orders
        still_open = await self.hold(holder, 300, **EUROS)
        await self.do(orders.increment(holder, still_open, 50))
        await self.do(orders.reverse(holder, still_open, 100))
        await self.do(orders.increment(holder, still_open, 10**9))
        await self.do(orders.reverse(holder, await self.hold(holder, 300)))
        await self.do(orders.expire(holder, await self.hold(holder, 300)))
        for ending in (orders.reverse, orders.expire):
            late = await self.hold(holder, 300)
            await self.do(ending(holder, late))
            await self.do(orders.present(holder, 200, late))
        await self._check_cards(holder)

    async def _check_cards(self, holder: Holder) -> None:
        """Payments of nothing, and what may follow them."""
        orders = self.orders
        await self.hold(holder, 0)
        await self.do(orders.reverse(holder, await self.hold(holder, 0)))
        await self.do(orders.expire(holder, await self.hold(holder, 0)))
        await self.do(orders.present(holder, 0, await self.hold(holder, 0)))
        await self.do(orders.present(holder, 120, await self.hold(holder, 0)))
        await self.do(orders.increment(holder, await self.hold(holder, 0), 130))
        expired = await self.hold(holder, 140)
        await self.do(orders.expire(holder, expired))
        await self.do(orders.present(holder, 0, expired))

    async def _save(self, holder: Holder) -> None:
        """Pots: two that keep some money, locked in two ways, and two that go, one of them full."""
        orders = self.orders
        kept, timed, full, empty = [
            await open_pot(self.db, holder, name) for name in ("Kept", "Timed", "Full", "Empty")
        ]
        for pot_id in (kept, timed, full):
            await self.do(orders.deposit(holder, pot_id, 300, user_id=holder.user_ids[-1]))
        await self.do(orders.withdraw(holder, kept, 100))
        later = self.db.clock.now() + 10**12
        await self.db.transact(lambda tx: lock_pot(tx, kept))
        await self.db.transact(lambda tx: lock_pot(tx, timed, later))
        await self.refused(orders.withdraw(holder, kept, 1))
        await self.refused(orders.deposit(holder, full, 10**9))
        await self.do(orders.delete_pot(holder, full))
        await self.do(orders.delete_pot(holder, empty))

    async def _transfer(self) -> None:
        await self.do(self.orders.between(self.ada, self.brian, 700, id="rent"))
        await self.do(self.orders.between(self.couple, self.brian, 700, id="rent"))
        await self.do(self.orders.between(self.brian, self.couple, 200))
        await self.refused(self.orders.between(self.ada, self.brian, 10**9))

    async def _be_declined(self) -> None:
        orders, card = self.orders, self.ada.card_id
        await self.do(orders.authorise(self.ada, 10**9))
        await self.do(orders.authorise(self.ada, 1, cvc_ok=False))
        await self.do(orders.authorise(self.ada, 1, pin_ok=False))
        await self.db.transact(lambda tx: set_card_state(tx, card, "blocked"))
        await self.do(orders.authorise(self.ada, 0))
        await self.db.transact(lambda tx: set_card_state(tx, card, "inactive"))
        await self.do(orders.authorise(self.ada, 1))
        account = self.ada.account_id
        await self.db.transact(lambda tx: set_account_state(tx, account, "frozen"))
        await self.do(orders.present(self.ada, 10**6))
        await self.do(orders.refund(self.ada, 100))
        limit = 10**6
        await self.db.transact(lambda tx: set_overdraft_limit(tx, account, limit))

    async def _repeat(self) -> None:
        """The same command twice, and its id with other content."""
        command = self.orders.top_up(self.brian, 100, id="again")
        assert await self.do(command) == await self.do(command)
        await self.refused(self.orders.top_up(self.brian, 101, id="again"))

    async def _overdraw(self) -> None:
        """Leave Brian 300 below zero by his own decision."""
        funds = await read_funds(self.db, self.brian)
        await self.do(self.orders.send(self.brian, funds.available + 300))
