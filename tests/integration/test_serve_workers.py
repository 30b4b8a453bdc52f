"""Several server processes on one PostgreSQL, and one on SQLite: start, serve, die, stop."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from minibank.app.serving import FAILURES_MAX
from minibank.db.migrate import migrations
from tests.support.command_line import CommandLine, environment

FILES = ("--set", "files=files", "--set", "files_url=https://files.example")

START_SECONDS = 60


def wait_for(found: Callable[[], object], what: Callable[[], str]) -> None:
    """Wait until something is so; fail with `what` when it never is."""
    deadline = time.monotonic() + START_SECONDS
    while not found():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


@dataclass
class Server:
    """A `minibank serve` and what it says on standard error."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All it said so far."""
        return self.log.read_text()

    @property
    def url(self) -> str:
        """Where it answers, once it does."""
        wait_for(lambda: "answers at" in self.said() or self.process.poll() is not None, self.said)
        found = re.search(r"answers at (http://\S+)", self.said())
        assert found, self.said()
        return found[1]

    def children(self) -> list[int]:
        """The processes that it started."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True
        )
        pairs = [line.split() for line in listed.stdout.splitlines()]
        return [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]

    def is_answering(self) -> bool:
        """Whether a new connection is answered."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def knows_nobody(self) -> bool:
        """Whether a request without a token is answered as it should be."""
        return httpx.get(f"{self.url}/ping/whoami", timeout=5).status_code == 401


@contextlib.contextmanager
def serving(directory: Path, database: str, *flags: str, name: str = "log") -> Iterator[Server]:
    """`minibank serve` on a free port; killed if the test did not stop it."""
    log = directory / f"{name}.txt"
    command = [sys.executable, "-m", "minibank", "serve", "--port", "0", "--database", database]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*command, *flags], stdout=out, stderr=out, cwd=directory, env=environment()
        ) as process,
    ):
        server = Server(process, log)
        try:
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def empty_postgres(databases) -> Iterator[str]:
    """A PostgreSQL database in which nothing has been made yet."""
    url = databases.new("postgres", migrated=False)
    yield url
    databases.discard(url)


async def applied(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT version FROM schema_migrations ORDER BY version")
    await connection.close()
    return [row["version"] for row in rows]


async def test_two_servers_of_two_processes_that_start_at_once_migrate_once(
    empty_postgres: str, tmp_path: Path
):
    flags = ("--workers", "2")
    with (
        serving(tmp_path, empty_postgres, *flags, name="one") as one,
        serving(tmp_path, empty_postgres, *flags, name="two") as two,
    ):
        assert one.url != two.url
        for server in (one, two):
            assert server.is_answering()
            assert len(server.children()) == 2
    assert await applied(empty_postgres) == [step.version for step in migrations()]


def test_a_process_that_dies_is_replaced_and_the_bank_goes_on(empty_postgres: str, tmp_path: Path):
    with serving(tmp_path, empty_postgres, "--workers", "2") as server:
        assert server.is_answering()
        before = set(server.children())
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: len(set(server.children()) - {victim}) == 2, server.said)
        wait_for(server.is_answering, server.said)
        assert "a server process ended" in server.said()


async def test_processes_of_an_old_version_serve_on_when_others_cannot_be_started_any_more(
    empty_postgres: str, tmp_path: Path
):
    with serving(tmp_path, empty_postgres, "--workers", "2") as server:
        assert server.is_answering()
        connection = await asyncpg.connect(empty_postgres)
        await connection.execute("INSERT INTO schema_migrations VALUES (9999, 'newer', 0)")
        await connection.close()
        survivor, victim = sorted(server.children())
        os.kill(victim, signal.SIGKILL)
        ended = 1 + FAILURES_MAX
        wait_for(lambda: server.said().count("a server process ended") >= ended, server.said)
        assert survivor in server.children()
        assert server.knows_nobody()
        server.process.terminate()
        assert server.process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_processes_in_order(empty_postgres: str, tmp_path: Path, number: int):
    with serving(tmp_path, empty_postgres, "--workers", "2") as server:
        assert server.is_answering()
        children = server.children()
        server.process.send_signal(number)
        assert server.process.wait(30) == 0, server.said()
        assert not any(is_running(pid) for pid in children)
        assert "Traceback" not in server.said()


def test_a_process_that_hangs_does_not_keep_the_bank_from_stopping(
    empty_postgres: str, tmp_path: Path
):
    short = ("--set", "drain_seconds=1", "--set", "queue_wait_seconds=1")
    with serving(tmp_path, empty_postgres, "--workers", "2", *short) as server:
        assert server.is_answering()
        children = server.children()
        os.kill(children[0], signal.SIGSTOP)
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert not any(is_running(pid) for pid in children)
        assert "did not stop" in server.said()


def test_no_process_outlives_a_parent_that_was_killed(empty_postgres: str, tmp_path: Path):
    with serving(tmp_path, empty_postgres, "--workers", "2") as server:
        assert server.is_answering()
        children = server.children()
        server.process.kill()
        server.process.wait(30)
        wait_for(lambda: not any(is_running(pid) for pid in children), server.said)


def test_processes_that_cannot_start_end_the_server_and_say_so(empty_postgres: str, tmp_path: Path):
    """The parent opens the bank first, so that what is wrong is said once and in one line."""
    cli = CommandLine(tmp_path, {})
    cli.run("migrate", "--database", empty_postgres)
    cli.run("key", "create", "server.key")
    flags = ("--workers", "2", "--mode", "production", "--public-url", "https://bank.example")
    more = ("--set", "server_key_file=server.key", "--set", "trusted_proxies=127.0.0.1", *FILES)
    with serving(tmp_path, empty_postgres, *flags, *more) as server:
        assert server.process.wait(30) == 2
        assert server.said().count("\n") == 1
        assert "created as a sandbox bank" in server.said()


def test_one_process_serves_on_either_engine_and_stops_in_order(
    empty_database_url: str, tmp_path: Path
):
    with serving(tmp_path, empty_database_url) as server:
        assert server.is_answering()
        assert server.children() == []
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.said()


def test_a_production_bank_serves_behind_its_proxy_once_it_was_migrated(
    empty_database_url: str, tmp_path: Path
):
    flags = ("--mode", "production", "--public-url", "https://bank.example")
    files = (*FILES, "--set", "server_key_file=server.key")
    proxied = (*flags, *files, "--set", "trusted_proxies=127.0.0.1")
    cli = CommandLine(tmp_path, {})
    cli.run("key", "create", "server.key")
    with serving(tmp_path, empty_database_url, *proxied, name="early") as server:
        assert server.process.wait(30) == 2
        assert "`minibank migrate` creates one" in server.said()
    cli.run("migrate", "--mode", "production", "--database", empty_database_url)
    with serving(tmp_path, empty_database_url, *proxied) as server:
        assert server.is_answering()
        refused = cli.try_("account", "top-up", "acc_x", "1", "--database", empty_database_url)
        assert refused.status == 2
        assert "created as a production bank" in refused.err
        flags = ("--mode", "production", "--database", empty_database_url)
        refused = cli.try_("account", "top-up", "acc_x", "1", *flags)
        assert "only in a sandbox bank" in refused.err


def test_what_an_operator_changes_reaches_a_bank_that_serves(
    empty_database_url: str, tmp_path: Path
):
    cli = CommandLine(tmp_path, {"MINIBANK_DATABASE": empty_database_url})
    with serving(tmp_path, empty_database_url) as server:
        assert server.is_answering()
        cli.run(
            *("user", "create", "--email", "ada@example.com", "--name", "Ada"),
            MINIBANK_PASSWORD="correct horse",
        )
        client = cli.run("client", "create", "--name", "App", "--json").json
        form = {
            "grant_type": "password",
            "client_id": client["id"],
            "client_secret": client["client_secret"],
            "username": "ada@example.com",
            "password": "correct horse",
        }
        answer = httpx.post(f"{server.url}/oauth2/token", data=form)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        whoami = f"{server.url}/ping/whoami"
        assert httpx.get(whoami, headers=headers).status_code == 200
        cli.run("user", "set-password", "ada@example.com", MINIBANK_PASSWORD="another horse")
        assert httpx.get(whoami, headers=headers).status_code == 401
        cli.run("client", "disable", client["id"])
        assert httpx.post(f"{server.url}/oauth2/token", data=form).status_code == 400
