"""The servers of a run: real banks by `minibank serve`, and the applications of the benchmarks."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.processes import free_port, running, wait_for_answer
from benchmarks.serve_app import Handover
from benchmarks.static_app import Canned
from minibank.app.server import listen, located
from minibank.settings import Settings

ROOT = Path(__file__).parents[1]
HEALTH = "/healthz"


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers: its address, and the processes that it is made of."""

    port: int
    pids: tuple[int, ...]

    @property
    def url(self) -> str:
        """The address, for clients."""
        return f"http://127.0.0.1:{self.port}"


def bank_command(settings: Settings, port: int) -> list[str]:
    """`minibank serve` with these settings, at this port."""
    return [
        *(sys.executable, "-P", "-m", "minibank", "serve"),
        *("--database", settings.database, "--port", str(port)),
        *("--workers", str(settings.workers), "--public-url", settings.public_url),
        *("--set", f"client_requests_max={settings.client_requests_max}"),
    ]


@contextmanager
def serving_bank(settings: Settings, directory: Path) -> Iterator[Serving]:
    """`minibank serve`, as anybody would start it, for as long as the block lasts."""
    port = free_port()
    log = directory / f"bank-{port}.log"
    with running(bank_command(settings, port), log, cwd=directory) as process:
        wait_for_answer(port, HEALTH, "", process, log)
        yield Serving(port, (process.pid,))


@contextmanager
def serving_app(
    settings: Settings,
    directory: Path,
    app: Literal["write", "static"],
    answers: Sequence[Canned] = (),
) -> Iterator[Serving]:
    """An application of the benchmarks in as many processes as the settings say."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen(settings))
        settings = located(settings, listener)
        listener.set_inheritable(True)
        handover = Handover(settings, listener.fileno(), app, list(answers))
        given = msgspec.json.encode(handover) + b"\n"
        log = directory / f"{app}-{settings.port}.log"
        processes = [
            stack.enter_context(
                running(
                    [sys.executable, "-m", "benchmarks.serve_app"],
                    log,
                    cwd=ROOT,
                    given=given,
                    pass_fds=[listener.fileno()],
                )
            )
            for _ in range(settings.workers)
        ]
        target = answers[0].target if answers else HEALTH
        wait_for_answer(settings.port, target, "", processes[0], log)
        yield Serving(settings.port, tuple(process.pid for process in processes))
