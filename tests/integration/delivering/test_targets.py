"""What one receiver costs does not depend on what others leave undone."""

import asyncio
from collections import Counter

import pytest
from typing_extensions import override

from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.webhooks.delivering.records import Attempt, Claim
from minibank.webhooks.records import Webhook
from tests.support.banking import Holder
from tests.support.callers import add_client
from tests.support.outbox import listen
from tests.support.sending import (
    FakeSender,
    advance,
    dispatcher_of,
    pay,
    run_until_idle,
)


async def test_requests_to_one_target_at_a_time_are_bounded(
    db: Database, money: Engine, holder: Holder, webhook: Webhook, sender: FakeSender
) -> None:
    await pay(money, holder, 60)
    await run_until_idle(dispatcher_of(db, sender, concurrency=3))
    assert len(sender.sent) == 60
    assert sender.most_in_flight == 3


async def test_a_target_that_hangs_delays_no_other(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    """Not even when hundreds wait for it, all due before anything of the others."""
    dead = await listen(db, client_id, holder, url="https://dead.example/")
    await pay(money, holder, 300)
    advance(db, 1)
    live = [await listen(db, client_id, holder, url=f"https://live{n}.example/") for n in range(20)]
    hangs = asyncio.Event()

    class Hanging(FakeSender):
        @override
        async def send(self, claim: Claim) -> Attempt:
            if claim.webhook_id == dead.id:
                await hangs.wait()
            return await super().send(claim)

    hanging = Hanging(db.clock)
    dispatcher = dispatcher_of(db, hanging, concurrency=4, claims_max=50)
    await dispatcher.run_round()
    await pay(money, holder, 1)
    await dispatcher.run_round()
    await asyncio.sleep(0)
    assert {claim.webhook_id for claim in hanging.sent} == {one.id for one in live}
    hangs.set()
    await dispatcher.settle()


async def test_webhooks_of_one_client_at_one_host_share_a_target_and_others_do_not(
    db: Database, client_id: str, holder: Holder
) -> None:
    other = (await add_client(db)).client.id
    same = [
        await listen(db, client_id, holder, url=url)
        for url in ("https://a.example/1", "https://a.example:443/2?x", "https://u:p@a.example/")
    ]
    different = [
        await listen(db, other, holder, url="https://a.example/1"),
        await listen(db, client_id, holder, url="http://a.example/1"),
        await listen(db, client_id, holder, url="https://a.example:444/1"),
        await listen(db, client_id, holder, url="https://b.example/1"),
    ]
    assert len({one.target for one in same}) == 1
    assert len({one.target for one in (same[0], *different)}) == 5


async def test_every_target_has_its_turn_however_many_hang(
    db: Database, money: Engine, holder: Holder, client_id: str, sender: FakeSender
) -> None:
    """Room that is freed goes on where there was none, not to the first again."""
    hooks = [await listen(db, client_id, holder, url=f"https://r{n}.example/") for n in range(40)]
    await pay(money, holder, 5)
    dispatcher = dispatcher_of(db, sender, concurrency=2, claims_max=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minibank.webhooks.delivering.dispatcher.PAGE", 5)
        while {claim.webhook_id for claim in sender.sent} != {one.id for one in hooks}:
            sender.gate.clear()
            await dispatcher.run_round()
            sender.gate.set()
            await dispatcher.settle()
    counts = Counter(claim.webhook_id for claim in sender.sent)
    assert max(counts.values()) < 5
