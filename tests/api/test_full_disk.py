"""What clients are told while nothing can be written: writes are refused by name, reads go on."""

from collections.abc import Awaitable, Callable

import pytest

from minibank.audit import audit
from minibank.core.clock import FakeClock
from minibank.core.errors import Unavailable
from minibank.db import Database, Tx
from minibank.db.writes import CALM_SECONDS
from minibank.payments.commands import TopUp
from minibank.payments.engine import Engine

LARGE = {f"metadata[{number}]": "x" * 4000 for number in range(12)}
READ_ONLY = "unavailable.read_only"
TABLES = ("annotations", "schema_migrations", "outcomes")


async def fill_sqlite(tx: Tx) -> None:
    """The file may not grow any more."""
    await tx.execute("PRAGMA max_page_count = 1")  # which means: than it is


async def empty_sqlite(tx: Tx) -> None:
    """It may again."""
    await tx.execute("PRAGMA max_page_count = 1000000")


async def fill_postgres(tx: Tx) -> None:
    """The server says what it says when its disk is full."""
    await tx.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$"
    )
    for table in TABLES:
        await tx.execute(
            f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION no_room()"
        )


async def empty_postgres(tx: Tx) -> None:
    """It does no longer."""
    await tx.execute("DROP FUNCTION no_room() CASCADE")


Change = Callable[[Tx], Awaitable[None]]
CHANGES = {"sqlite": (fill_sqlite, empty_sqlite), "postgres": (fill_postgres, empty_postgres)}


async def pay_without_end(engine: Engine, account_id: str) -> None:
    """Pay with many words until there is no room for them."""
    for number in range(1000):
        await engine.execute(
            TopUp(
                issuer="till",
                account_id=account_id,
                id=f"more-{number}",
                amount=1,
                description="x" * 4000,
            )
        )


async def test_a_full_disk_refuses_writes_by_name_and_reads_on_until_there_is_room(
    bank, db: Database, clock: FakeClock
):
    fill, empty = CHANGES[db.engine]
    engine = Engine(db)
    top_up = TopUp(issuer="till", account_id=bank.account.id, id="1", amount=700)
    outcome = await engine.execute(top_up)
    path = f"/transactions/{outcome.transaction_id}"
    await db.transact(fill)

    answer = await bank.api.patch(path, data=LARGE)
    assert (answer.status_code, answer.json()["code"]) == (503, READ_ONLY)
    assert answer.headers["retry-after"] == "1"
    assert (await bank.api.get("/readyz")).json()["code"] == READ_ONLY
    assert (await bank.api.get(path)).json()["transaction"]["metadata"] == {}
    assert (await bank.api.get("/healthz")).status_code == 200
    with pytest.raises(Unavailable, check=lambda error: error.code == READ_ONLY):
        await pay_without_end(engine, bank.account.id)

    await db.transact(empty)
    clock.advance(CALM_SECONDS)
    assert (await bank.api.get("/readyz")).status_code == 200
    assert (await bank.api.patch(path, data=LARGE)).status_code == 200
    assert await engine.execute(top_up) == outcome
    assert (await audit(db)).clean
