"""Races between server processes: real ones, each with its own engine and connections."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from minibank.audit import audit
from minibank.db import Database
from minibank.payments.commands import Command
from minibank.payments.engine import Engine
from tests.support.banking import (
    Funds,
    Holder,
    Orders,
    list_history,
    open_holder,
    open_holders,
    read_funds,
)
from tests.support.server_process import Report, ServerProcess

PRICE = 100
Rounds = Sequence[Sequence[Command]]


@pytest.fixture
def run_servers(database_url: str) -> Iterator[Callable[..., list[Report]]]:
    """Runs one process for each list of rounds, all at the same time."""
    started: list[ServerProcess] = []

    def run(*work: Rounds) -> list[Report]:
        servers = [ServerProcess.start(database_url) for _ in work]
        started.extend(servers)
        for server in servers:
            server.wait_until_open()
        for server, rounds in zip(servers, work, strict=True):
            server.send(rounds)
        return [server.report() for server in servers]

    yield run
    for server in started:
        server.process.kill()
        server.end()


async def test_eight_payments_at_two_processes_approve_exactly_three(
    db: Database, run_servers: Callable[..., list[Report]]
) -> None:
    ada, orders = await open_holder(db, 3 * PRICE), Orders()
    payments = [orders.authorise(ada, PRICE) for _ in range(8)]
    reports = run_servers([payments[:4]], [payments[4:]])
    answers = Counter(answer for report in reports for answer in report.answers)
    assert answers == {"done": 3, "declined": 5}
    assert await read_funds(db, ada) == Funds(booked=3 * PRICE, held=3 * PRICE)
    assert (await audit(db)).clean


async def test_the_same_payments_at_two_processes_are_made_once(
    db: Database, run_servers: Callable[..., list[Report]]
) -> None:
    ada, orders = await open_holder(db, 10_000), Orders()
    payments = [[orders.send(ada, PRICE) for _ in range(5)] for _ in range(8)]
    reports = run_servers(payments, payments)
    assert reports[0].answers == reports[1].answers == ["done"] * 40
    assert len(await list_history(db, ada)) == 41
    assert (await read_funds(db, ada)).available == 10_000 - 40 * PRICE
    assert (await audit(db)).clean


def rounds_of_traffic(holders: Sequence[Holder], issuer: str) -> Rounds:
    """What a process executes, 50 commands at once: everybody pays everybody."""
    orders = Orders(issuer)
    commands: list[Command] = []
    for payer in holders:
        commands += [orders.between(payer, payee, 3) for payee in holders if payee != payer]
        commands += [orders.top_up(payer, 10), orders.send(payer, 4), orders.refund(payer, 1)]
        commands += [orders.authorise(payer, 2), orders.present(payer, 5)]
    turns = (commands * 10)[:1000]
    renamed = [orders.renamed(command) for command in turns]
    return [renamed[start : start + 50] for start in range(0, len(renamed), 50)]


async def test_two_busy_processes_keep_the_books_with_few_commits(
    db: Database, run_servers: Callable[..., list[Report]]
) -> None:
    holders = await open_holders(db, 10)
    orders = Orders("funds")
    await Engine(db).execute_many([orders.top_up(one, 100_000) for one in holders])
    reports = run_servers(rounds_of_traffic(holders, "one"), rounds_of_traffic(holders, "other"))
    for report in reports:
        print(f"commands {report.commands} commits {report.commits}")
        assert set(report.answers) == {"done"}
        assert report.commands == 1000
        assert report.commits * 10 <= report.commands
    found = await audit(db)
    assert found.findings == []
    assert found.transactions > 2000


async def test_a_process_killed_under_load_loses_and_repeats_nothing(
    db: Database, database_url: str
) -> None:
    ada, orders = await open_holder(db), Orders()
    rounds = [[orders.top_up(ada, 1) for _ in range(5)] for _ in range(400)]
    server = ServerProcess.start(database_url)
    server.wait_until_open()
    server.send(rounds)
    while (await read_funds(db, ada)).booked < 50:  # noqa: ASYNC110  a database wakes nobody
        await asyncio.sleep(0.001)
    server.process.kill()
    server.end()
    survived = (await read_funds(db, ada)).booked
    assert 50 <= survived < 2000
    assert survived % 5 == 0
    assert (await audit(db)).clean
    again = await Engine(db).execute_many([command for one in rounds for command in one])
    assert [getattr(answer, "balance", answer) for answer in again] == list(range(1, 2001))
    assert (await audit(db)).clean
