"""Deliveries to webhooks, next to what the HTTP client and a task queue do, in rounds."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from benchmarks.delivering import Bank, Client, Lone, TaskQueue
from benchmarks.figures import Round
from benchmarks.outbox import Message, Outbox, fill_outbox
from benchmarks.plan import Plan
from benchmarks.postgres import PostgresServer
from benchmarks.receiving import Sink, receiving
from benchmarks.report import CLIENT, DELIVERIES, PROCRASTINATE, Report
from benchmarks.task_queue import create_tables
from benchmarks.world import Size, fill
from minibank.app.books import open_books
from minibank.settings import Settings

OUTBOX, QUEUE = "outbox", "queue"
WORKERS = {"sqlite": (1,), "postgres": (1, 4)}
"""How many workers deliver: a SQLite bank has one writer, whoever it is."""

T = TypeVar("T")

_words = count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the databases of a run are: `settings` are those of an empty bank of an engine."""

    plan: Plan
    directory: Path
    postgres: PostgresServer
    settings: Callable[[str], Settings]
    now: int
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that delivers: what it is called, whose it is, and how to have it deliver."""

    measure: str
    who: str
    run: Callable[[], Coroutine[Any, Any, Round]]


def measure_of(workers: int, *, failing: bool) -> str:
    """What deliveries by so many workers are called."""
    return DELIVERIES + (f"_w{workers}" if workers > 1 else "") + ("_failing" if failing else "")


def measure_deliveries(place: Place, report: Report) -> None:
    """Fill the outboxes, then the rounds."""
    with receiving(place.directory, place.plan.webhooks) as sink:
        place.postgres.execute("postgres", f'CREATE DATABASE "{QUEUE}"')
        _run(create_tables(place.postgres.url(QUEUE)))
        banks = {}
        for engine in place.plan.engines:
            place.say(f"Filling the outbox on {engine} ...")
            outbox = _run(_fill(place, place.settings(engine), sink))
            pid = place.postgres.pid if engine == "postgres" else None
            banks[engine] = Bank(outbox, sink, place.directory, pid)
        place.say("Warming up: deliveries ...")
        messages = _run(_messages(next(iter(banks.values()))))
        entries = _limits(place, sink, messages) + _cells(place, banks)
        for number in range(1, place.plan.delivery_rounds + 1):
            for one in entries:
                place.say(
                    f"Round {number} of {place.plan.delivery_rounds}: {one.measure}, {one.who} ..."
                )
                if one.who == "postgres":
                    place.postgres.execute(OUTBOX, "VACUUM ANALYZE deliveries, delivery_attempts")
                figures = _run(one.run())
                report.deliveries.setdefault((one.measure, one.who), []).append(figures)


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _fill(place: Place, settings: Settings, sink: Sink) -> Outbox:
    plan = place.plan
    world = await fill(settings, place.now, Size(0, plan.webhooks, 0, 0))
    return await fill_outbox(settings, world.payers, sink.urls(plan.webhooks), plan.told)


async def _messages(bank: Bank) -> list[Message]:
    """What the bank sends, found by having it sent."""
    await bank.run(1, _lone(1), failing=False)
    async with open_books(bank.outbox.settings) as db:
        return await bank.outbox.list_messages(db)


def _lone(payments: int) -> Lone:
    return Lone(payments, f"lone-{next(_words)}")


def _limits(place: Place, sink: Sink, messages: list[Message]) -> list[Entry]:
    concurrency = place.settings("sqlite").webhook_target_concurrency
    client = Client(sink, concurrency)
    server = place.postgres
    queue = TaskQueue(sink, server.url(QUEUE), place.directory, server.pid, concurrency)
    return [
        Entry(DELIVERIES, CLIENT, lambda: client.run(messages)),
        Entry(DELIVERIES, PROCRASTINATE, lambda: queue.run(messages, _lone(place.plan.lone))),
    ]


def _cells(place: Place, banks: dict[str, Bank]) -> list[Entry]:
    return [
        _cell(place, engine, bank, workers, failing=failing)
        for failing in (False, True)
        for workers in sorted({one for engine in banks for one in WORKERS[engine]})
        for engine, bank in banks.items()
        if workers in WORKERS[engine]
    ]


def _cell(place: Place, engine: str, bank: Bank, workers: int, *, failing: bool) -> Entry:
    return Entry(
        measure_of(workers, failing=failing),
        engine,
        lambda: bank.run(workers, _lone(place.plan.lone), failing=failing),
    )
