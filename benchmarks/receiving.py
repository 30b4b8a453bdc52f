"""The sink of a run, and receivers that fail: where webhooks lead to, and what arrived."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from benchmarks.figures import percentile
from benchmarks.processes import ProcessFailed, free_port, running, wait_for_answer
from benchmarks.servers import ROOT
from benchmarks.sink import HOST, Ports

FAILING_SHARE = 20
"""One webhook in so many leads to a receiver that fails."""
ARRIVAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink that receives: the port that takes what comes, those that answer 500, and those where
    nobody listens."""

    takes: int
    fails: tuple[int, ...]
    refuses: tuple[int, ...]

    def urls(self, count: int) -> dict[str, bool]:
        """Addresses for so many webhooks, and whether each is one that fails: one in
        `FAILING_SHARE` does, at a port of its own, by turns with a 500 and without any answer."""
        failing = iter(
            [port for pair in zip(self.fails, self.refuses, strict=True) for port in pair]
        )
        urls = {}
        for number in range(count):
            fails = number % FAILING_SHARE == FAILING_SHARE - 1
            port = next(failing) if fails else self.takes
            urls[f"http://{HOST}:{port}/hooks/{number}"] = fails
        return urls

    async def clear(self) -> None:
        """Forget what arrived."""
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.delete(f"http://{HOST}:{self.takes}/")

    async def arrivals(self, count: int) -> dict[str, int]:
        """When each message arrived, as soon as so many have; `ProcessFailed` if they do not."""
        async with httpx.AsyncClient(trust_env=False, timeout=ARRIVAL_SECONDS) as client:
            try:
                answer = await client.get(f"http://{HOST}:{self.takes}/after/{count}")
            except httpx.ReadTimeout:
                raise ProcessFailed(
                    f"fewer than {count} messages arrived in {ARRIVAL_SECONDS} s"
                ) from None
        return msgspec.json.decode(answer.content, type=dict[str, int])


@contextmanager
def receiving(directory: Path, webhooks: int) -> Iterator[Sink]:
    """A sink for as long as the block lasts, with as many failing ports as such webhooks need."""
    count = math.ceil(webhooks // FAILING_SHARE / 2)
    takes, *others = _distinct_ports(1 + 2 * count)
    sink = Sink(takes, tuple(others[:count]), tuple(others[count:]))
    given = msgspec.json.encode(Ports(sink.takes, list(sink.fails))) + b"\n"
    log = directory / "sink.log"
    command = [sys.executable, "-m", "benchmarks.sink"]
    with running(command, log, cwd=ROOT, given=given) as process:
        wait_for_answer(takes, "/after/0", "", process, log)
        yield sink


def _distinct_ports(count: int) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < count:
        found[free_port()] = None
    return list(found)


def rate_of(arrivals: Sequence[int]) -> float:
    """How many a second arrived, from the first to the last; instants in microseconds."""
    return (len(arrivals) - 1) * 1_000_000 / max(max(arrivals) - min(arrivals), 1)


def latencies(sent: Mapping[str, int], arrivals: Mapping[str, int]) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds, from when each was sent."""
    took = [(arrivals[one] - at) / 1000 for one, at in sent.items()]
    return percentile(took, 50), percentile(took, 99)
