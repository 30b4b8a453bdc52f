"""Who delivers the same messages to the sink, each measured alike: the bank, and its limits."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from benchmarks.direct_client import Order, Took
from benchmarks.figures import Round, percentile
from benchmarks.outbox import Message, Outbox, pay, payments
from benchmarks.processes import READY_SECONDS, ProcessFailed, cpu_seconds, running
from benchmarks.receiving import ARRIVAL_SECONDS, Sink, latencies, rate_of
from benchmarks.servers import ROOT
from benchmarks.task_queue import READY, Handover, fill, open_queue, put
from minibank.app.bank import open_works
from minibank.app.books import REAL
from minibank.app.metrics import BankMetrics
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.settings import Settings

WARM = 1
"""So many events of each webhook go before those that are measured."""
PACE_SECONDS = 0.02
"""From one payment to the next where it is measured how late a delivery arrives."""
WORKS = "works for the sandbox bank"


@dataclass(frozen=True, slots=True)
class Lone:
    """How many messages are sent one at a time, and under which word in this round."""

    count: int
    word: str


@contextmanager
def working(settings: Settings, directory: Path, workers: int) -> Iterator[list[int]]:
    """So many processes of `minibank worker`, for as long as the block lasts; their numbers."""
    command = [sys.executable, "-P", "-m", "minibank", "worker", "--database", settings.database]
    with ExitStack() as stack:
        started = []
        for number in range(workers):
            log = directory / f"worker-{number}.log"
            log.unlink(missing_ok=True)
            process = stack.enter_context(running(command, log, cwd=directory))
            started.append((process, log))
        for process, log in started:
            _wait_for(WORKS, process, log)
        yield [process.pid for process, _ in started]


def _wait_for(word: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a process has said this; `ProcessFailed` when it ends, or does not in time."""
    deadline = time.perf_counter() + READY_SECONDS
    while word not in (said := log.read_text(errors="replace")):
        if process.poll() is not None or time.perf_counter() > deadline:
            raise ProcessFailed(f"a worker did not begin to work; it said:\n{said[-3000:]}")
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank that delivers to the sink; `server_pid` is that of its database server, if any."""

    outbox: Outbox
    sink: Sink
    directory: Path
    server_pid: int | None

    async def run(self, workers: int, lone: Lone, *, failing: bool) -> Round:
        """What so many workers do with a full outbox, and how late a lone delivery is."""
        settings = self.outbox.settings
        is_alone = self.server_pid is None
        async with open_works(settings, REAL, BankMetrics(), sends=False) as bank:
            await self.outbox.fill_again(bank.db, failing=failing)
            with working(settings, self.directory, workers) as pids:
                figures = await self._empty(bank.db, pids)
                if not is_alone:
                    return await self._lone(bank.db, bank.engine, lone, figures)
        # Nothing tells another process of a payment on SQLite: the bank that serves delivers.
        async with open_works(settings, REAL, BankMetrics(), sends=True) as bank:
            return await self._lone(bank.db, bank.engine, lone, figures)

    async def _empty(self, db: Database, pids: Sequence[int]) -> Round:
        outbox, sink = self.outbox, self.sink
        await sink.clear()
        await outbox.release(db, WARM)
        warm = await sink.arrivals(outbox.arriving(WARM))
        servers = [*pids, *([self.server_pid] if self.server_pid else [])]
        before = cpu_seconds(servers)
        await outbox.release(db, outbox.told)
        arrived = await sink.arrivals(outbox.arriving(outbox.told))
        after = cpu_seconds(servers)
        measured = [at for one, at in arrived.items() if one not in warm]
        cpu = (after - before) * 1_000_000 if before is not None and after is not None else None
        return Round(rate_of(measured), 0, 0, None if cpu is None else cpu / len(measured))

    async def _lone(self, db: Database, engine: Engine, lone: Lone, figures: Round) -> Round:
        await self.sink.clear()
        times = -(-lone.count // len(self.outbox.holders))
        commands = list(payments(self.outbox.holders, times, lone.word))[: lone.count]
        for command in commands:
            await asyncio.sleep(PACE_SECONDS)
            await pay(engine, [command])
        sent = await self.outbox.list_later(db)
        p50, p99 = latencies(sent, await self.sink.arrivals(len(sent)))
        return replace(figures, p50_ms=p50, p99_ms=p99)


@dataclass(frozen=True, slots=True)
class Client:
    """The bank's HTTP client by itself."""

    sink: Sink
    concurrency: int

    async def run(self, messages: Sequence[Message]) -> Round:
        """Send all of them; latencies are those of a request."""
        await self.sink.clear()
        order = Order(list(messages), self.concurrency)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "benchmarks.direct_client"],
            input=msgspec.json.encode(order),
            capture_output=True,
            cwd=ROOT,
            timeout=ARRIVAL_SECONDS,
        )
        if done.returncode != 0:
            raise ProcessFailed(f"the client said:\n{done.stderr.decode()[-3000:]}")
        took = msgspec.json.decode(done.stdout, type=Took)
        arrived = await self.sink.arrivals(len(messages))
        p50, p99 = percentile(took.milliseconds, 50), percentile(took.milliseconds, 99)
        cpu_us = took.cpu * 1_000_000 / len(messages)
        return Round(rate_of(list(arrived.values())), p50, p99, cpu_us)


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """A task queue on the same PostgreSQL, with one process that runs tasks."""

    sink: Sink
    database: str
    directory: Path
    server_pid: int
    concurrency: int

    async def run(self, messages: Sequence[Message], lone: Lone) -> Round:
        """What it does with a full queue, and how late a lone message is."""
        async with open_queue(self.database) as app:
            await fill(app, messages)
            await self.sink.clear()
            with self._working() as pid:
                before = cpu_seconds([pid, self.server_pid])
                arrived = await self.sink.arrivals(len(messages))
                after = cpu_seconds([pid, self.server_pid])
                sent = {}
                for number in range(lone.count):
                    await asyncio.sleep(PACE_SECONDS)
                    message = _renamed(messages[number % len(messages)], f"{lone.word}-{number}")
                    sent[message.id] = time.time_ns() // 1000
                    await put(app, message)
                p50, p99 = latencies(sent, await self.sink.arrivals(len(messages) + len(sent)))
        cpu = (after - before) * 1_000_000 if before is not None and after is not None else None
        rate = rate_of(list(arrived.values()))
        return Round(rate, p50, p99, None if cpu is None else cpu / len(messages))

    @contextmanager
    def _working(self) -> Iterator[int]:
        log = self.directory / "task-queue.log"
        log.unlink(missing_ok=True)
        given = msgspec.json.encode(Handover(self.database, self.concurrency)) + b"\n"
        command = [sys.executable, "-m", "benchmarks.task_queue"]
        with running(command, log, cwd=ROOT, given=given) as process:
            _wait_for(READY, process, log)
            yield process.pid


def _renamed(message: Message, name: str) -> Message:
    """A message under another id, so that it is another one to the sink."""
    headers = [(key, name if key == "webhook-id" else value) for key, value in message.headers]
    return msgspec.structs.replace(message, id=name, headers=headers)
