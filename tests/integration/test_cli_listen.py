"""`minibank listen` next to a bank that runs in another process, on both engines."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from minibank.accounts.opening import set_account_state
from minibank.app.books import open_books
from minibank.db import Database
from minibank.oauth.clients import disable_client
from minibank.oauth.store import list_clients
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.history.store import list_registered
from minibank.webhooks.records import Webhook
from tests.integration.test_serve_workers import serving
from tests.support.banking import Holder, open_holder, open_holders
from tests.support.callers import add_client
from tests.support.command_line import CommandLine, environment
from tests.support.outbox import list_told, listen
from tests.support.receiver import Request, answering, receiving
from tests.support.sending import attempts_of, pay, until

RETRIES = ("--set", "webhook_retry_policy=custom", "--set", "webhook_retry_delays=1,1")


@dataclass
class Listener:
    """A `minibank listen --json`, and what it said."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it printed so far: the secrets first, then a line for each delivery."""
        return [
            json.loads(line)
            for line in self.out.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    async def said(self, holds: Callable[[], object]) -> None:
        """Wait until something that it prints holds."""
        assert self.process.poll() is None or holds(), self.err.read_text()
        await until(lambda: asyncio.sleep(0.05, bool(holds())))

    async def told(self, count: int) -> list[dict[str, Any]]:
        """The deliveries, once there are so many."""
        await self.said(lambda: len(self.lines()) > count)
        return self.lines()[1:]

    async def stop(self, number: int = signal.SIGINT) -> int:
        """Stop it as a person does; its exit status."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, 30)


@contextmanager
def listening(directory: Path, url: str, *flags: str, name: str = "listen") -> Iterator[Listener]:
    """`minibank listen --json`, killed if the test did not stop it."""
    out, err = directory / f"{name}.out", directory / f"{name}.err"
    command = (sys.executable, "-m", "minibank", "listen", "--json", "--database", url, *flags)
    with (
        out.open("wb") as to_out,
        err.open("wb") as to_err,
        subprocess.Popen(
            command, stdout=to_out, stderr=to_err, cwd=directory, env=environment()
        ) as process,
    ):
        try:
            yield Listener(process, out, err)
        finally:
            process.kill()


@pytest.fixture
async def bank(database_url: str) -> AsyncIterator[Database]:
    """The bank by the clock that the processes go by."""
    async with open_books(Settings(database=database_url), creates=True) as db:
        yield db


@pytest.fixture
async def holder(bank: Database) -> Holder:
    await add_client(bank)
    return await open_holder(bank, 10_000)


async def webhooks(db: Database) -> list[Webhook]:
    """All that there are."""
    found = await db.read(lambda tx: list_registered(tx, (0, 4095), "", "", 1000))
    return [one.webhook for one in found]


async def test_what_the_bank_sends_is_handed_on_and_so_is_what_it_sends_again(
    bank: Database, holder: Holder, database_url: str, tmp_path: Path
) -> None:
    async with receiving(answering()) as receiver:
        flags = ("--forward-to", receiver.url("/hook?key=mine"))
        with serving(tmp_path, database_url), listening(tmp_path, database_url, *flags) as listener:
            await listener.said(listener.lines)
            [begun] = listener.lines()
            [webhook] = await webhooks(bank)
            assert begun["webhooks"][0]["account_id"] == holder.account_id
            await pay(Engine(bank), holder)
            [line] = await listener.told(1)
            [told] = await list_told(bank, webhook)
            [arrived] = receiver.requests
            assert arrived.line == "POST /hook?key=mine HTTP/1.1"
            assert arrived.body == told.payload
            assert arrived.headers["minibank-sequence"] == "1"
            assert arrived.headers["content-type"] == "application/json"
            assert arrived.headers["user-agent"].startswith("minibank/")
            Verifier(begun["webhooks"][0]["secret"]).verify(arrived.body, arrived.headers)
            assert {
                name: line[name] for name in ("delivery_id", "sequence", "event", "subject")
            } == {
                "delivery_id": told.id,
                "sequence": 1,
                "event": "transaction.created",
                "subject": told.subject,
            }
            assert (line["amount"], line["currency"], line["status"]) == (-1, "GBP", 200)
            assert line["payload"]["data"]["id"] == told.subject

            again = CommandLine(tmp_path, {"MINIBANK_DATABASE": database_url})
            await asyncio.to_thread(again.run, "webhooks", "resend", webhook.id, "1")
            await listener.told(2)
            first, second = receiver.requests
            assert first.body == second.body
            assert first.headers["webhook-id"] == second.headers["webhook-id"]

            assert await listener.stop() == 0
            assert "removed 1 webhook" in listener.err.read_text()
            assert await webhooks(bank) == []


async def test_what_the_address_refuses_is_tried_again_and_the_bank_knows_why(
    bank: Database, holder: Holder, database_url: str, tmp_path: Path
) -> None:
    answers = iter([answering(500, body=b"not today"), answering(204, body=b"")])

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    async with receiving(answer) as receiver:
        flags = ("--forward-to", receiver.url())
        with (
            serving(tmp_path, database_url, *RETRIES),
            listening(tmp_path, database_url, *flags) as listener,
        ):
            await listener.said(listener.lines)
            [webhook] = await webhooks(bank)
            await pay(Engine(bank), holder)
            assert [one["status"] for one in await listener.told(2)] == [500, 204]
            first, second = receiver.requests
            assert first.body == second.body

            async def is_recorded() -> bool:
                return len(await attempts_of(bank, webhook)) == 2

            await until(is_recorded)
            made = await attempts_of(bank, webhook)
            assert [one["status"] for one in made] == [500, 204]
            assert made[0]["excerpt"] == b"not today"
            assert await listener.stop(signal.SIGTERM) == 0


async def test_what_one_that_was_killed_leaves_behind_goes_when_the_next_one_starts(
    bank: Database, holder: Holder, database_url: str, tmp_path: Path
) -> None:
    [client] = await bank.read(list_clients)
    others = await listen(bank, client.id, holder, url="http://127.0.0.1:9/minibank-listen/mine")
    with listening(tmp_path, database_url, name="killed") as killed:
        await killed.said(killed.lines)
        left = killed.lines()[0]["webhooks"][0]["id"]
        with listening(tmp_path, database_url, name="second") as second:
            await second.said(second.lines)
            seconds = second.lines()[0]["webhooks"][0]["id"]
            assert {one.id for one in await webhooks(bank)} == {others.id, left, seconds}
            assert await second.stop() == 0
        killed.process.kill()
        killed.process.wait(30)
    assert {one.id for one in await webhooks(bank)} == {others.id, left}
    with listening(tmp_path, database_url, name="third") as third:
        await third.said(third.lines)
        thirds = third.lines()[0]["webhooks"][0]["id"]
        assert {one.id for one in await webhooks(bank)} == {others.id, thirds}
        assert "removed 1 webhook that an earlier run left behind" in third.err.read_text()
        assert await third.stop() == 0
    assert [one.id for one in await webhooks(bank)] == [others.id]


async def test_it_says_when_no_process_of_the_bank_sends(
    bank: Database, holder: Holder, database_url: str, tmp_path: Path
) -> None:
    with listening(tmp_path, database_url) as listener:
        await listener.said(listener.lines)
        assert "no process" not in listener.err.read_text()
        await pay(Engine(bank), holder)
        await listener.said(lambda: "no process of the bank sends" in listener.err.read_text())
        with serving(tmp_path, database_url):
            [line] = await listener.told(1)
        assert (line["status"], line["error"]) == (200, "")
        assert await listener.stop() == 0


@pytest.fixture
def cli(database_url: str, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"MINIBANK_DATABASE": database_url})


async def refused(cli: CommandLine, *flags: str) -> tuple[int, str]:
    """How a listener that does not begin ends, and what it says."""
    done = await asyncio.to_thread(replace(cli, spawns=True).try_, "listen", *flags)
    assert done.out == ""
    return done.status, done.err


async def test_as_which_client_it_listens_is_said_when_there_are_several(
    bank: Database, cli: CommandLine
) -> None:
    status, said = await refused(cli)
    assert (status, "has no client" in said) == (1, True)
    first = (await add_client(bank)).client
    second = (await add_client(bank, "Another")).client
    status, said = await refused(cli)
    assert (status, "2 clients: say which with --client" in said) == (1, True)
    await bank.transact(lambda tx: disable_client(tx, second.id))
    status, said = await refused(cli)
    assert (status, "no open account" in said) == (1, True)
    for unusable in (second.id, "oauth2client_1"):
        status, said = await refused(cli, "--client", unusable)
        assert (status, f"no client {unusable} that is in use" in said) == (1, True)
    assert first.disabled_at is None


async def test_only_accounts_that_something_can_happen_on_are_listened_to(
    bank: Database, cli: CommandLine
) -> None:
    await add_client(bank)
    [closed] = await open_holders(bank, 1)
    await bank.transact(lambda tx: set_account_state(tx, closed.account_id, "closed"))
    for unknown in ("acc_1", closed.account_id):
        status, said = await refused(cli, "--account", unknown)
        assert (status, f"no account {unknown}" in said) == (1, True)
    many = [part for number in range(21) for part in ("--account", f"acc_{number}")]
    status, said = await refused(cli, *many)
    assert (status, "20 accounts at most" in said) == (2, True)


async def test_what_was_registered_goes_when_the_client_may_have_no_more(
    bank: Database, holder: Holder, cli: CommandLine
) -> None:
    [client] = await bank.read(list_clients)
    free = await open_holder(bank)
    present = await listen(bank, client.id, holder)
    accounts = ("--account", free.account_id, "--account", holder.account_id)
    status, said = await refused(cli, *accounts, "--set", "webhooks_max=1")
    assert (status, "may have 1 webhooks" in said) == (1, True)
    assert "removed 1 webhook" in said
    assert [one.id for one in await webhooks(bank)] == [present.id]


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (["--forward-to", "localhost:3000"], 1, "'url' must be an absolute URL"),
        (["--events", "money.lost"], 1, "'events' must be among"),
        (["--set", "webhook_ports=443"], 2, "webhook_ports"),
        (["--mode", "production"], 2, "only a sandbox bank"),
    ],
)
async def test_what_cannot_be_listened_to_is_named(
    holder: Holder, cli: CommandLine, flags: list[str], status: int, words: str
) -> None:
    found, said = await refused(cli, *flags)
    assert (found, words in said) == (status, True), said
