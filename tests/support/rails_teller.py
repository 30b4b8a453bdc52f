"""Every command of the rails, in the ways it can end."""

from collections.abc import Awaitable, Callable

from minibank.accounts.opening import set_account_state
from minibank.db import Database
from minibank.payments.commands import Command, Outcome
from tests.support.banking import Holder, open_holder
from tests.support.rails import Rails, suspense_of

Do = Callable[[Command], Awaitable[Outcome]]


async def use_rails(db: Database, do: Do, orders: Rails, holder: Holder) -> None:
    """Put one customer, one who leaves, and the bank's own account through all of it."""

    async def done(command: Command) -> str:
        outcome = await do(command)
        assert outcome.transaction_id is not None
        return outcome.transaction_id

    await do(orders.pay_in(holder, 5_000, user_id=holder.user_ids[0]))
    await do(orders.pay_out(holder, 300))
    await do(orders.come_back(holder, await done(orders.send(holder, 200)), 150))
    await do(orders.reject(holder, await done(orders.send(holder, 210)), reason="AC04"))
    await do(orders.send_back(holder, await done(orders.receive(holder, 220)), 100))
    await do(orders.unfee(holder, await done(orders.fee(holder, 11)), 5))
    await do(orders.fee(holder, 12))
    await do(orders.adjust(holder, 13))
    await do(orders.adjust(holder, -14))
    for result in ("won", "lost"):
        paid = await done(orders.present(holder, 90))
        await do(orders.dispute(holder, paid, 80))
        await do(orders.resolve(holder, paid, result))
    await do(orders.dispute(holder, await done(orders.present(holder, 91)), reason="fraud"))
    returned = await done(orders.present(holder, 92))
    for amount in (40, 50):
        await do(orders.refund(holder, amount, original_transaction_id=returned))
    await do(orders.dispute(holder, returned))
    again = await done(orders.refund(holder, 3, original_transaction_id=returned))
    await do(orders.clear(holder, again, holder))
    await do(orders.resolve(holder, returned, "won"))
    bank = await suspense_of(db)
    await do(orders.suspend(bank, 30))
    await do(orders.clear(bank, await done(orders.suspend(bank, 31)), holder))
    await do(orders.clear(bank, await done(orders.suspend(bank, 32, kind="refund"))))
    await leave(db, do, orders)


async def leave(db: Database, do: Do, orders: Rails) -> None:
    """Somebody closes an account, and money still comes for it."""
    gone = await open_holder(db)
    await do(orders.receive(gone, 40))
    sent = (await do(orders.send(gone, 40))).transaction_id
    assert sent is not None
    account_id = gone.account_id
    await db.transact(lambda tx: set_account_state(tx, account_id, "closed"))
    await do(orders.come_back(gone, sent))
    await do(orders.refund(gone, 41))
    late = (await do(orders.receive(gone, 42))).transaction_id
    assert late is not None
    await do(orders.clear(gone, late))
