"""One round: a bank, a load, accidents, and the proof afterwards."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg
from typing_extensions import override

from minibank.db import open_database
from tests.support.command_line import CommandLine
from tests.support.postgres_process import PostgresProcess
from tests.torture.bank import TorturedBank, free_port
from tests.torture.chaos import Accident, Scene, draw
from tests.torture.checks import Checks
from tests.torture.hooks import Hooks
from tests.torture.payers import Payers
from tests.torture.people import move_in
from tests.torture.rows import check_integrity
from tests.torture.sessions import Sessions
from tests.torture.wire import new_client

ACCIDENTS_MAX = 3
WORKERS = {"sqlite": 1, "postgres": 2}
ANSWERS = (5, 150)
"""How many commands are answered between one accident and the next, at least and at most."""
LEAVE_SECONDS = 20
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
ROUND_SECONDS = 400


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed means: an engine and accidents. The moments within them are drawn as it goes."""

    seed: int
    engine: str
    accidents: Sequence[Accident]

    @override
    def __str__(self) -> str:
        names = ", ".join(one.__name__ for one in self.accidents)
        return f"seed {self.seed}, {self.engine}: {names}"


def plan(seed: int, engine: str = "", first: Accident | None = None) -> Plan:
    """What this seed does, on this engine or any, with this accident first or any."""
    random = Random(f"plan {seed}")
    drawn = random.choice(("sqlite", "postgres"))
    engine = engine or drawn
    accidents = [draw(engine, random) for _ in range(random.randint(1, ACCIDENTS_MAX))]
    if first is not None:
        accidents = [first, *accidents[1:2]]
    return Plan(seed, engine, accidents)


@dataclass(frozen=True, slots=True)
class Report:
    """What a round did: commands by what became of them, and how often the bank was started."""

    counts: Counter[str]
    starts: int
    seconds: float


def run_round(what: Plan, directory: Path, postgres: PostgresProcess | None) -> Report:
    """Run one round; raises `AssertionError` when the bank broke its word.

    Everything it leaves is in `directory`; a database on PostgreSQL stays when the round fails.
    """
    begun = time.monotonic()
    (directory / "plan.txt").write_text(f"{what}\n")
    name = f"torture_{what.seed}"
    database = f"sqlite:///{directory / 'bank.db'}"
    if what.engine == "postgres":
        assert postgres is not None, "the round needs a PostgreSQL"
        if not postgres.is_running:
            postgres.start()
        asyncio.run(execute(postgres, f'CREATE DATABASE "{name}"'))
        database = postgres.url(name)
    random = Random(f"round {what.seed}")
    bank = TorturedBank(database, WORKERS[what.engine], free_port(), directory)
    try:
        counts = asyncio.run(_torture(what, bank, postgres, random))
        bank.stop()
        starts = bank.starts
    finally:
        bank.end()
    _prove(bank)
    if what.engine == "postgres":
        assert postgres is not None, "it was needed above"
        asyncio.run(_leave(postgres, name))
    return Report(counts, starts, time.monotonic() - begun)


async def _torture(
    what: Plan, bank: TorturedBank, postgres: PostgresProcess | None, random: Random
) -> Counter[str]:
    people = await move_in(bank.database)
    payers, sessions = Payers(bank, people, what.seed), Sessions(bank, people, what.seed)
    hooks = Hooks(Random(f"hooks {what.seed}"))
    scene = Scene(bank, postgres, random)
    try:
        async with (
            asyncio.timeout(ROUND_SECONDS),
            hooks.listening(bank.database, people),
            bank.kept(),
        ):
            async with new_client() as client:
                await bank.until_ready(client)
            async with asyncio.TaskGroup() as load:
                load.create_task(payers.run())
                load.create_task(sessions.run())
                for accident in what.accidents:
                    await _until_paid(payers, random)
                    await accident(scene)
                await _until_paid(payers, random)
                payers.stop()
                sessions.stop()
            counts = _count(payers, sessions)
            await Checks(bank, people, payers).run(sessions.all)
            counts["told"] = await hooks.check(bank.database)
            return counts
    finally:
        payers.journal.write(bank.directory / "journal.jsonl")


async def _until_paid(payers: Payers, random: Random) -> None:
    """Let the bank answer some commands: on a slow machine that takes as long as it takes."""
    enough = payers.answers + random.randint(*ANSWERS)
    while payers.answers < enough:  # noqa: ASYNC110 - the answers come from another process
        await asyncio.sleep(0.001)
    await asyncio.sleep(random.uniform(0, 0.02))


def _count(payers: Payers, sessions: Sessions) -> Counter[str]:
    """What the load did."""
    entries = payers.journal.entries.values()
    return Counter(
        commands=len(entries),
        answered=len(payers.journal.answered),
        unclear=sum(one.unclear for one in entries),
        open=len(payers.journal.open),
        annotations=sum(one.written for one in sessions.all),
        sessions=len(sessions.all),
    )


def _prove(bank: TorturedBank) -> None:
    """The audit finds nothing, and the file of an embedded bank is whole."""
    said = CommandLine(bank.directory, {}).try_("audit", "--json", "--database", bank.database)
    assert said.status == 0, f"the audit: {said.out}{said.err}"
    assert json.loads(said.out)["clean"]
    if bank.workers == 1:
        assert asyncio.run(_integrity(bank.database)) == "ok"
    assert "Traceback" not in bank.logs(), "the bank's log holds an error that nobody expected"


async def _integrity(database: str) -> str:
    db = await open_database(database)
    try:
        return await check_integrity(db)
    finally:
        await db.close()


async def execute(postgres: PostgresProcess, statement: str) -> None:
    """Run a statement of somebody who looks after the server."""
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _leave(postgres: PostgresProcess, name: str) -> None:
    """The server has nothing of the bank left but its database, which goes now."""
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            while await connection.fetchval(CONNECTIONS, name):  # noqa: ASYNC110 - of others
                await asyncio.sleep(0.05)
        await connection.execute(f'DROP DATABASE "{name}"')
    finally:
        await connection.close()
