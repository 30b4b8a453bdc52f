"""One run, from an empty directory to a report."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import getloadavg
from pathlib import Path

import httpx
import msgspec

from benchmarks.bulk import BULK, COMMANDS, bulks, require_done
from benchmarks.contenders import (
    PUBLIC_URL,
    STATIC,
    Contender,
    Contest,
    answers_of,
    gets,
    payments,
    targets_of,
)
from benchmarks.deliveries import OUTBOX, Place, measure_deliveries
from benchmarks.figures import Round, median_round
from benchmarks.flood import quiet_p99_in_flood
from benchmarks.history import middle, write_history
from benchmarks.pgbench import Pgbench, Script, script_of
from benchmarks.plan import Plan, workers_of
from benchmarks.postgres import PostgresServer, durable_server
from benchmarks.processes import resident_bytes
from benchmarks.recording import statements_of
from benchmarks.report import Page, Report
from benchmarks.servers import Serving, serving_app, serving_bank
from benchmarks.starts import medians, start_of_bank, start_of_demo
from benchmarks.static_app import Canned
from benchmarks.tools import Tools
from benchmarks.world import Filled, Holder, Size, fill
from benchmarks.write_app import COUNTERS, Counters
from benchmarks.wrk import Wrk
from minibank.app.books import open_books
from minibank.core.clock import SystemClock
from minibank.core.instants import format_instant
from minibank.settings import Settings, preset

BANK, TPCB = "bank", "tpcb"
WARM_UP_SECONDS = 2

Say = Callable[[str], None]
"""Tells a person what is going on."""


class Differ(Exception):
    """The engines do not answer alike, so one limit cannot be that of both."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run works with."""

    plan: Plan
    directory: Path
    postgres: PostgresServer
    wrk: Wrk
    pgbench: Pgbench
    now: int
    say: Say

    def url(self, engine: str, name: str = BANK) -> str:
        """The address of a database, on PostgreSQL one that must have been made."""
        if engine == "postgres":
            return self.postgres.url(name)
        return f"sqlite:///{self.directory / name}.db"

    def settings(self, engine: str, name: str = BANK) -> Settings:
        """A sandbox bank as it is out of the box."""
        workers = workers_of(self.plan, engine)
        database = self.url(engine, name)
        return preset("sandbox", database=database, port=0, public_url=PUBLIC_URL, workers=workers)

    def new_database(self, engine: str, name: str) -> None:
        """Make an empty database, where that takes making."""
        if engine == "postgres":
            self.postgres.execute("postgres", f'CREATE DATABASE "{name}"')


def run(plan: Plan, tools: Tools, say: Say) -> Report:
    """Measure everything; whatever was started is stopped and removed, also after an error."""
    load, _, _ = getloadavg()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="minibank-bench-", dir=plan.parent)
        directory = Path(stack.enter_context(made))
        # PostgreSQL refuses to be root: as somebody else it must be able to pass through here.
        directory.chmod(0o711)
        say("Starting PostgreSQL ...")
        postgres = stack.enter_context(durable_server(directory))
        pgbench = Pgbench(tools.pgbench, directory, postgres.flags)
        wrk = Wrk(tools.wrk, directory)
        bench = Bench(plan, directory, postgres, wrk, pgbench, SystemClock().now(), say)
        report = Report(plan, postgres.read("postgres", "SHOW server_version"), load)
        if {"requests", "bulk", "starts"} & set(plan.parts):
            world = _fill(bench)
            if "requests" in plan.parts:
                _measure(bench, world, report)
            if "bulk" in plan.parts:
                _measure_bulk(bench, world, report)
            if "starts" in plan.parts:
                _measure_starts(bench, world, report)
        if "deliveries" in plan.parts:
            _measure_deliveries(bench, report)
    return report


def _measure_deliveries(bench: Bench, report: Report) -> None:
    for engine in bench.plan.engines:
        bench.new_database(engine, OUTBOX)
    place = Place(
        bench.plan,
        bench.directory,
        bench.postgres,
        lambda engine: bench.settings(engine, OUTBOX),
        bench.now,
        bench.say,
    )
    measure_deliveries(place, report)


def _fill(bench: Bench) -> Filled:
    plan = bench.plan
    size = Size(plan.readers, plan.payers, plan.pages, len(plan.history))
    worlds = []
    for engine in plan.engines:
        bench.say(f"Opening {plan.readers + plan.payers} accounts on {engine} ...")
        bench.new_database(engine, BANK)
        worlds.append(asyncio.run(fill(bench.settings(engine), bench.now, size)))
    if any(world != worlds[0] for world in worlds):
        raise Differ("the engines were filled alike and hold different accounts")
    bench.say("Making the tables of TPC-B ...")
    bench.new_database("postgres", TPCB)
    # With fewer branches than connections, TPC-B would measure waiting for locks.
    bench.pgbench.set_up(TPCB, plan.connections)
    for name in (BANK, TPCB) if "postgres" in plan.engines else (TPCB,):
        bench.postgres.execute(name, "VACUUM ANALYZE", "CHECKPOINT")
    return worlds[0]


def _measure(bench: Bench, world: Filled, report: Report) -> None:
    """The rounds, and what the same servers are asked after them."""
    plan = bench.plan
    with ExitStack() as stack:
        banks: dict[str, Serving] = {}
        writers: dict[str, Serving] = {}
        for engine in plan.engines:
            settings, directory = bench.settings(engine), bench.directory
            banks[engine] = stack.enter_context(serving_bank(settings, directory))
            writers[engine] = stack.enter_context(serving_app(settings, directory, "write"))
        answers = _agreed_answers(plan, banks, world)
        static_settings = replace(bench.settings("sqlite"), workers=plan.workers)
        static = stack.enter_context(
            serving_app(static_settings, bench.directory, "static", answers)
        )
        contenders = _readers(bench, world, banks, static) + _writers(bench, world, writers, report)
        _rounds(bench, contenders, report)
        for engine in plan.engines:
            report.memory |= _memory(engine, banks[engine], writers[engine])
        report.memory |= {STATIC: resident_bytes(static.pids[0]) or 0}
        _flood(bench, world, report)
        _histories(bench, world, banks, report)


def _measure_bulk(bench: Bench, world: Filled, report: Report) -> None:
    """Many commands in each request, and TPC-B in the same rounds."""
    contest = Contest(bench.plan, bench.wrk, bench.pgbench)
    with ExitStack() as stack:
        found = []
        for engine in bench.plan.engines:
            bank = stack.enter_context(serving_bank(bench.settings(engine), bench.directory))
            pids = [*bank.pids, *([bench.postgres.pid] if engine == "postgres" else [])]
            for measure, requests in bulks(world).items():
                require_done(bank.url, requests[0], world.operator_key)
                load = replace(
                    contest.load(bank.url, [one.text for one in requests]),
                    connections=bench.plan.bulk_connections,
                )
                found.append(contest.http(measure, engine, load, pids, many=COMMANDS))
        found.append(replace(contest.tpcb(TPCB), measure=BULK))
        _rounds(bench, found, report)


def _measures(plan: Plan) -> list[str]:
    return ["whoami", "list20", "list100", *(["list100_expanded"] if plan.expanded else [])]


def _agreed_answers(plan: Plan, banks: dict[str, Serving], world: Filled) -> list[Canned]:
    """What every bank answers to everything that is asked; `Differ` when they do not agree."""
    targets = [one for name in _measures(plan) for one in targets_of(name, world.readers)]
    found = [answers_of(bank.url, targets) for bank in banks.values()]
    for answers in found:
        for ours, theirs in zip(answers, found[0], strict=True):
            if ours != theirs:
                raise Differ(f"the engines answer {ours.target} differently")
    return found[0]


def _readers(
    bench: Bench, world: Filled, banks: dict[str, Serving], static: Serving
) -> list[Contender]:
    contest = Contest(bench.plan, bench.wrk, bench.pgbench)
    found = []
    for measure in _measures(bench.plan):
        requests = gets(targets_of(measure, world.readers))
        for engine, bank in banks.items():
            pids = [*bank.pids, *([bench.postgres.pid] if engine == "postgres" else [])]
            found.append(contest.http(measure, engine, contest.load(bank.url, requests), pids))
        load = contest.load(static.url, requests)
        found.append(contest.http(measure, STATIC, load, static.pids))
        if measure.startswith("list100") and "postgres" in banks:
            found.append(contest.sql(measure, BANK, _scripts(bench, measure, world.readers)))
    return found


def _scripts(bench: Bench, measure: str, readers: list[Holder]) -> list[Script]:
    """The statements behind each reader's request, as pgbench runs them."""

    async def record() -> list[Script]:
        settings = bench.settings("postgres")
        async with open_books(settings) as db:
            return [
                script_of(await statements_of(db, settings, target, token), f"r{number}")
                for number, (target, token) in enumerate(targets_of(measure, readers))
            ]

    return asyncio.run(record())


def _writers(
    bench: Bench, world: Filled, writers: dict[str, Serving], report: Report
) -> list[Contender]:
    contest = Contest(bench.plan, bench.wrk, bench.pgbench)
    found = []
    for measure, payers in (("write", world.payers), ("write_hot", [world.hot])):
        requests = payments(payers, world.merchants)
        for engine, writer in writers.items():
            pids = [*writer.pids, *([bench.postgres.pid] if engine == "postgres" else [])]
            load = contest.load(writer.url, requests)
            found.append(_counted(contest.http(measure, engine, load, pids), writer, report))
        if measure == "write":
            found.append(contest.tpcb(TPCB))
    return found


def _counted(contender: Contender, writer: Serving, report: Report) -> Contender:
    """The contender, noting how many commits its commands took; several processes count apart."""
    if len(writer.pids) > 1:
        return contender

    def run(seconds: int) -> Round:
        before = _counters(writer)
        figures = contender.run(seconds)
        after = _counters(writer)
        commits, commands = after.commits - before.commits, after.commands - before.commands
        name = f"{contender.measure} {contender.who}"
        report.commits_per_command[name] = commits / commands
        return figures

    return replace(contender, run=run)


def _counters(writer: Serving) -> Counters:
    answer = httpx.get(writer.url + COUNTERS, trust_env=False)
    return msgspec.json.decode(answer.content, type=Counters)


def _rounds(bench: Bench, contenders: list[Contender], report: Report) -> None:
    for contender in contenders if bench.plan.warm_up else ():
        bench.say(f"Warming up: {contender.measure}, {contender.who} ...")
        contender.run(WARM_UP_SECONDS)
    for number in range(1, bench.plan.rounds + 1):
        for contender in contenders:
            bench.say(
                f"Round {number} of {bench.plan.rounds}: {contender.measure}, {contender.who} ..."
            )
            figures = contender.run(bench.plan.seconds)
            report.figures.setdefault((contender.measure, contender.who), []).append(figures)


def _memory(engine: str, bank: Serving, writer: Serving) -> dict[str, int]:
    named = {f"{engine}, reading": bank, f"{engine}, writing": writer}
    sizes = {
        name: sum(resident_bytes(pid) or 0 for pid in server.pids) for name, server in named.items()
    }
    return {name: size for name, size in sizes.items() if size}


def _flood(bench: Bench, world: Filled, report: Report) -> None:
    """On servers of its own, where clients take turns as they do in production."""
    turns = preset("production").client_requests_max
    for engine in bench.plan.engines:
        settings = replace(bench.settings(engine), client_requests_max=turns)
        with serving_bank(settings, bench.directory) as bank:
            for _ in range(bench.plan.floods):
                bench.say(f"One client floods the bank on {engine} ...")
                alone, during = quiet_p99_in_flood(bench.wrk, bank.url, world, bench.plan)
                report.floods.setdefault(engine, []).append(during / alone)


def _histories(bench: Bench, world: Filled, banks: dict[str, Serving], report: Report) -> None:
    """Pages of long histories, in rounds of their own: filling accounts disturbs all else."""
    plan = bench.plan
    contest = Contest(plan, bench.wrk, bench.pgbench)
    found: dict[tuple[str, int], list[Round]] = {}
    pages: list[tuple[tuple[str, int], Contender]] = []
    for count, holder in zip(plan.history, world.histories, strict=True):
        since = format_instant(middle(count, bench.now))
        target = f"/transactions?account_id={holder.account_id}&limit=100&since={since}"
        requests = gets([(target, holder.token)])
        for engine, bank in banks.items():
            bench.say(f"Writing a history of {count:,} transactions on {engine} ...")
            write_history(bench.url(engine), holder, world.merchants, count, bench.now)
            load = contest.load(bank.url, requests)
            pages.append(((engine, count), contest.http("history", engine, load, bank.pids)))
    bench.say("Reading from long histories ...")
    for _ in range(plan.history_rounds):
        for key, page in pages:
            found.setdefault(key, []).append(page.run(plan.seconds))
    for (engine, count), rounds in sorted(found.items()):
        report.pages.append(Page(engine, count, median_round(rounds)))


def _measure_starts(bench: Bench, world: Filled, report: Report) -> None:
    directory, token = bench.directory, world.readers[0].token
    for engine in bench.plan.engines:
        bench.say(f"Starting banks on {engine} ...")
        first, demo, demo_again = [], [], []
        for number in range(bench.plan.starts):
            names = f"empty_{number}", f"demo_{number}"
            for name in names:
                bench.new_database(engine, name)
            first.append(start_of_bank(bench.settings(engine, names[0]), "", directory))
            demo.append(start_of_demo(bench.url(engine, names[1]), directory))
            demo_again.append(start_of_demo(bench.url(engine, names[1]), directory))
        later = [
            start_of_bank(bench.settings(engine), token, directory)
            for _ in range(bench.plan.starts)
        ]
        for what, took in (
            ("serve, an empty database", first),
            ("serve, a bank that exists", later),
            ("demo, an empty database", demo),
            ("demo, a bank that exists", demo_again),
        ):
            report.starts.append(medians(what, engine, took))
