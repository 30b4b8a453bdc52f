"""Everything that is measured against each other, and what is sent to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import httpx
import msgspec

from benchmarks.figures import Round
from benchmarks.pgbench import Pgbench, Script
from benchmarks.plan import Plan
from benchmarks.processes import cpu_seconds
from benchmarks.static_app import Canned
from benchmarks.world import Holder
from benchmarks.write_app import PAYMENTS
from benchmarks.wrk import UNIQUE, Load, Wrk, get, post

HOST = "bank.example"
PUBLIC_URL = f"http://{HOST}"
STATIC, TPCB, PGBENCH = "static", "tpcb", "pgbench"

_PER_REQUEST = frozenset({"date", "x-request-id", "trace-id"})


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing that is measured: what it does, who does it, and how to do it for some seconds."""

    measure: str
    who: str
    run: Callable[[int], Round]


def targets_of(measure: str, readers: Sequence[Holder]) -> list[tuple[str, str]]:
    """What the readers ask for, with their tokens."""
    query = {"list20": "limit=20", "list100": "limit=100"}
    query["list100_expanded"] = "limit=100&expand[]=merchant"
    if measure == "whoami":
        return [("/ping/whoami", reader.token) for reader in readers]
    return [
        (f"/transactions?account_id={reader.account_id}&{query[measure]}", reader.token)
        for reader in readers
    ]


def gets(targets: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The targets as requests."""
    return tuple(get(HOST, target, token) for target, token in targets)


def payments(payers: Sequence[Holder], merchants: Sequence[str]) -> tuple[str, ...]:
    """A card payment of each payer."""
    requests = []
    for number, payer in enumerate(payers):
        body = {
            "id": UNIQUE,
            "account_id": payer.account_id,
            "card_id": payer.card_id,
            "amount": 1,
            "description": "THE EXAMPLE SHOP        LONDON        GBR",
            "merchant_id": merchants[number % len(merchants)],
        }
        text = msgspec.json.encode(body).decode().replace("\\u0001", UNIQUE)
        requests.append(post(HOST, PAYMENTS, text))
    return tuple(requests)


def answers_of(url: str, targets: Sequence[tuple[str, str]]) -> list[Canned]:
    """The bank's own answers to these targets, without what differs from request to request."""
    answers: dict[str, Canned] = {}
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for target, token in targets:
            answer = client.get(target, headers={"Authorization": f"Bearer {token}"})
            answer.raise_for_status()
            headers = [
                (name, value) for name, value in answer.headers.items() if name not in _PER_REQUEST
            ]
            # The ids of a request are part of every answer: any will do, so long as it is there.
            headers += [("x-request-id", "0" * 32), ("trace-id", "0" * 32)]
            answers.setdefault(target, Canned(target, headers, answer.content))
    return list(answers.values())


class Contest:
    """Makes contenders of loads and of SQL."""

    def __init__(self, plan: Plan, wrk: Wrk, pgbench: Pgbench) -> None:
        self._plan = plan
        self._wrk = wrk
        self._pgbench = pgbench

    def load(self, url: str, requests: Sequence[str]) -> Load:
        """Requests with as many connections as the plan says."""
        return Load(url, tuple(requests), self._plan.connections, self._plan.threads)

    def http(
        self, measure: str, who: str, load: Load, pids: Sequence[int], many: int = 1
    ) -> Contender:
        """Requests over HTTP; `pids` are the processes whose processor time they cost.

        Each request asks for `many` things, and what is counted is things.
        """

        def run(seconds: int) -> Round:
            before = cpu_seconds(pids)
            figures = self._wrk.run(load, seconds)
            figures = replace(figures, rate=figures.rate * many)
            after = cpu_seconds(pids)
            if before is None or after is None:
                return figures
            cpu_us = (after - before) * 1_000_000 / (figures.rate * seconds)
            return replace(figures, cpu_us=cpu_us)

        return Contender(measure, who, run)

    def sql(self, measure: str, database: str, scripts: Sequence[Script]) -> Contender:
        """The statements behind requests."""
        plan = self._plan

        def run(seconds: int) -> Round:
            return self._pgbench.run(database, scripts, plan.connections, plan.threads, seconds)

        return Contender(measure, PGBENCH, run)

    def tpcb(self, database: str) -> Contender:
        """TPC-B."""
        plan = self._plan

        def run(seconds: int) -> Round:
            return self._pgbench.tpcb(database, plan.connections, plan.threads, seconds)

        return Contender("write", TPCB, run)
