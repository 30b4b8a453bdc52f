"""What is done to the machines: each event is one accident, chosen and timed by a seed.

An accident leaves nothing stopped: whatever was paused goes on or is dead when it returns. The
service managers of bank and database are the only ones who help, by starting again what ended.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.postgres_process import PostgresProcess
from tests.torture.bank import TorturedBank
from tests.torture.processes import children_of, send

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to break."""

    bank: TorturedBank
    postgres: PostgresProcess | None
    random: Random

    @property
    def server(self) -> PostgresProcess:
        """The PostgreSQL that the bank stands on."""
        assert self.postgres is not None, "this accident is for banks on PostgreSQL"
        return self.postgres

    async def pause(self, least: float, most: float) -> None:
        """Let some seconds pass."""
        await asyncio.sleep(self.random.uniform(least, most))

    def bank_itself(self) -> list[int]:
        """The bank's first process; none when it has ended just now."""
        return [pid for pid in self.bank.all_pids() if pid == self.bank.pid]

    def any_worker(self) -> list[int]:
        """One of the processes that serve; none when none does just now."""
        pids = self.bank.worker_pids()
        return [self.random.choice(pids)] if pids else []

    def server_pids(self) -> list[int]:
        """All processes of PostgreSQL, the first of them first; none when it has ended."""
        if not self.server.is_running:
            return []
        return [self.server.pid, *(one.pid for one in children_of(self.server.pid))]

    def any_backend(self) -> list[int]:
        """One of the processes of PostgreSQL that serve the bank; none when there is none."""
        backends = [
            one.pid for one in children_of(self.server.pid) if "postgres: minibank" in one.words
        ]
        return [self.random.choice(backends)] if backends else []


Accident = Callable[[Scene], Coroutine[Any, Any, None]]


async def kill_the_bank(scene: Scene) -> None:
    """Every process of the bank dies at once, as when a machine loses its power."""
    send(scene.bank.all_pids(), signal.SIGKILL)


async def kill_the_bank_while_it_starts(scene: Scene) -> None:
    """It dies, and again while it is on its way up."""
    for _ in range(scene.random.randint(1, 3)):
        before = scene.bank.starts
        send(scene.bank.all_pids(), signal.SIGKILL)
        while scene.bank.starts == before:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.02)
        await scene.pause(0.05, 1.2)
    send(scene.bank.all_pids(), signal.SIGKILL)


async def stop_the_bank(scene: Scene) -> None:
    """Its operator stops it in order, in the middle of everything."""
    send(scene.bank_itself(), signal.SIGTERM)


async def pause_a_process(scene: Scene) -> None:
    """A process that serves stands still and goes on, longer than its clients wait."""
    victims = scene.any_worker()
    send(victims, signal.SIGSTOP)
    await scene.pause(0.2, 6)
    send(victims, signal.SIGCONT)


async def pause_and_kill_a_process(scene: Scene) -> None:
    """A process that serves stands still with all that it holds, and dies."""
    victims = scene.any_worker()
    send(victims, signal.SIGSTOP)
    await scene.pause(0.2, 3)
    send(victims, signal.SIGKILL)


async def kill_a_process(scene: Scene) -> None:
    """One of the processes that serve dies."""
    send(scene.any_worker(), signal.SIGKILL)


async def kill_the_parent(scene: Scene) -> None:
    """The process that watches over those that serve dies; they have to notice by themselves."""
    send(scene.bank_itself(), signal.SIGKILL)


async def kill_postmaster(scene: Scene) -> None:
    """PostgreSQL's first process dies; its others have to notice by themselves."""
    send(scene.server_pids()[:1], signal.SIGKILL)
    await start_postgres(scene)


async def crash_postgres(scene: Scene) -> None:
    """Every process of PostgreSQL dies at once."""
    send(scene.server_pids(), signal.SIGKILL)
    await start_postgres(scene)


async def stop_postgres_at_once(scene: Scene) -> None:
    """An immediate shutdown: PostgreSQL drops everything and recovers at its next start."""
    send(scene.server_pids()[:1], signal.SIGQUIT)
    await start_postgres(scene)


async def restart_postgres(scene: Scene) -> None:
    """A fast shutdown, as when PostgreSQL is upgraded: it breaks off what runs."""
    send(scene.server_pids()[:1], signal.SIGINT)
    await start_postgres(scene)


async def kill_a_backend(scene: Scene) -> None:
    """One process of PostgreSQL dies, whereupon PostgreSQL ends all and recovers by itself."""
    send(scene.any_backend(), signal.SIGKILL)


async def end_a_backend(scene: Scene) -> None:
    """Somebody ends one connection of the bank."""
    send(scene.any_backend(), signal.SIGTERM)


async def pause_postgres(scene: Scene) -> None:
    """PostgreSQL stands still, longer than clients wait."""
    await _pause_postgres(scene, scene.random.uniform(0.5, 7))


async def pause_postgres_for_long(scene: Scene) -> None:
    """PostgreSQL stands still for longer than the bank waits for any answer of it."""
    await _pause_postgres(scene, scene.random.uniform(37, 40))


async def pause_a_backend(scene: Scene) -> None:
    """One process of PostgreSQL stands still with the locks that it holds."""
    victims = scene.any_backend()
    send(victims, signal.SIGSTOP)
    await scene.pause(0.5, 8)
    send(victims, signal.SIGCONT)


async def _pause_postgres(scene: Scene, seconds: float) -> None:
    pids = scene.server_pids()
    send(pids, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send(pids, signal.SIGCONT)


async def start_postgres(scene: Scene) -> None:
    """Start PostgreSQL again after some time, as often as it takes: the old one may linger."""
    server = scene.server
    while server.is_running:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.02)
    await scene.pause(0, 2)
    async with asyncio.timeout(READY_SECONDS):
        while not server.is_ready:
            if not server.is_running:
                server.launch()
            await asyncio.sleep(0.05)


_ANYWHERE: tuple[Accident, ...] = (
    kill_the_bank,
    kill_the_bank_while_it_starts,
    stop_the_bank,
    pause_a_process,
    pause_and_kill_a_process,
)
_ON_POSTGRES: tuple[Accident, ...] = (
    kill_a_process,
    kill_the_parent,
    kill_postmaster,
    crash_postgres,
    stop_postgres_at_once,
    restart_postgres,
    kill_a_backend,
    end_a_backend,
    pause_postgres,
    pause_a_backend,
    pause_postgres_for_long,
)
ACCIDENTS: Mapping[str, tuple[Accident, ...]] = {
    "sqlite": _ANYWHERE,
    "postgres": (*_ANYWHERE, *_ON_POSTGRES),
}
RARE: dict[Accident, float] = {pause_postgres_for_long: 0.15}
"""How much less often than others an accident is drawn, because it takes so long."""


def draw(engine: str, random: Random) -> Accident:
    """An accident that can befall a bank on this engine."""
    known = ACCIDENTS[engine]
    [drawn] = random.choices(known, [RARE.get(one, 1) for one in known])
    return drawn
