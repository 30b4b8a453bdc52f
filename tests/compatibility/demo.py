"""A demo bank in a process of its own, and what it holds as a plain HTTP client sees it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = [str(Path(sys.executable).with_name("minibank"))]
START_SECONDS = 90
STOP_SECONDS = 20


@dataclass(frozen=True)
class DemoBank:
    """A running demo: the file it wrote for scripts, and where that file is."""

    info: dict[str, Any]
    info_file: Path

    @property
    def base_url(self) -> str:
        """The bank's address."""
        return str(self.info["base_url"])


@dataclass(frozen=True)
class Customer:
    """What plain requests say about one customer; transactions per account, merchants expanded."""

    email: str
    whoami: dict[str, Any]
    accounts: list[dict[str, Any]]
    balances: dict[str, dict[str, Any]]
    transactions: dict[str, list[dict[str, Any]]]


@contextlib.contextmanager
def running_demo(directory: Path, *flags: str) -> Iterator[DemoBank]:
    """`minibank demo` on a free port, from the moment it answers until the context ends."""
    info_file, log_file = directory / "info.json", directory / "log.txt"
    command = [
        *COMMAND,
        "demo",
        "--port",
        "0",
        "--info",
        str(info_file),
        "--dir",
        str(directory / "bank"),
        *flags,
    ]
    with (
        log_file.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=directory) as process,
    ):
        try:
            _wait_for(info_file, process, log_file)
            yield DemoBank(json.loads(info_file.read_text()), info_file)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                pytest.fail(
                    f"The demo did not stop within {STOP_SECONDS} s of SIGTERM.", pytrace=False
                )


def _wait_for(info_file: Path, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not info_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log_file.read_text(errors="replace")[-3000:]
            pytest.fail(
                f"`minibank demo` did not come up (exit status {process.poll()}). It said:\n{said}",
                pytrace=False,
            )
        time.sleep(0.05)


def read_customers(bank: DemoBank) -> list[Customer]:
    """Everything the bank shows, by plain requests. Logs everyone in: older tokens are evicted."""
    with httpx.Client(base_url=bank.base_url, trust_env=False, timeout=30) as http:
        return [_read_customer(http, bank.info, user) for user in bank.info["users"]]


def _read_customer(http: httpx.Client, info: dict[str, Any], user: dict[str, Any]) -> Customer:
    token = _answer(
        http.post(
            "/oauth2/token",
            data={
                "grant_type": "password",
                "client_id": info["client_id"],
                "client_secret": info["client_secret"],
                "username": user["email"],
                "password": user["password"],
            },
        )
    )
    http.headers["Authorization"] = f"Bearer {token['access_token']}"
    whoami = _answer(http.get("/ping/whoami"))
    accounts = _answer(http.get("/accounts"))["accounts"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    balances, transactions = {}, {}
    for account in accounts:
        id_, opened = account["id"], datetime.fromisoformat(account["created"])
        balances[id_] = _answer(http.get("/balance", params={"account_id": id_}))
        transactions[id_] = _between(http, id_, opened, tomorrow)
    del http.headers["Authorization"]
    return Customer(user["email"], whoami, accounts, balances, transactions)


def _between(
    http: httpx.Client, account_id: str, since: datetime, before: datetime
) -> list[dict[str, Any]]:
    """All transactions of a span, halving it where a page is full: no paging by id is involved."""
    window = {"since": _instant(since), "before": _instant(before)}
    query = {"account_id": account_id, "limit": "100", "expand[]": "merchant", **window}
    page: list[dict[str, Any]] = _answer(http.get("/transactions", params=query))["transactions"]
    if len(page) < 100:
        return page
    middle = since + (before - since) / 2
    assert _instant(since) < _instant(middle), "a hundred transactions in one millisecond"
    return _between(http, account_id, since, middle) + _between(http, account_id, middle, before)


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _answer(response: httpx.Response) -> Any:
    assert response.status_code == 200, (
        f"{response.request.method} {response.request.url}: {response.text}"
    )
    return response.json()
