"""How long it takes from starting a process until it answers."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import msgspec

from benchmarks.processes import free_port, running, wait_for_answer
from benchmarks.report import Start
from benchmarks.servers import HEALTH, bank_command
from minibank.settings import Settings

WHOAMI = "/ping/whoami"


class DemoUser(msgspec.Struct, frozen=True):
    """Somebody who can sign in."""

    email: str
    password: str


class DemoFacts(msgspec.Struct, frozen=True):
    """What a demo writes for scripts, as far as it is needed here."""

    client_id: str
    client_secret: str
    users: list[DemoUser]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds until the first answers."""

    healthz: float
    whoami: float | None


def start_of_bank(settings: Settings, token: str, directory: Path) -> Took:
    """`minibank serve`, until it answers; without a token nobody is asked for."""
    port, log = free_port(), directory / "start.log"
    began = time.perf_counter()
    with running(bank_command(settings, port), log, cwd=directory) as process:
        healthz = wait_for_answer(port, HEALTH, "", process, log) - began
        whoami = wait_for_answer(port, WHOAMI, token, process, log) - began if token else None
    return Took(healthz, whoami)


def start_of_demo(url: str, directory: Path) -> Took:
    """`minibank demo`, until somebody has signed in and been told who they are."""
    port, log, info = free_port(), directory / "demo.log", directory / "demo.json"
    command = bank_command(Settings(database=url), port)
    flags = command[: command.index("serve")]
    flags += ["demo", "--database", url, "--port", str(port), "--info", str(info)]
    began = time.perf_counter()
    with running(flags, log, cwd=directory) as process:
        healthz = wait_for_answer(port, HEALTH, "", process, log) - began
        while not info.exists():
            time.sleep(0.001)
        token = _sign_in(port, msgspec.json.decode(info.read_bytes(), type=DemoFacts))
        whoami = wait_for_answer(port, WHOAMI, token, process, log) - began
    return Took(healthz, whoami)


def _sign_in(port: int, facts: DemoFacts) -> str:
    user = facts.users[0]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/oauth2/token",
        data={
            "grant_type": "password",
            "client_id": facts.client_id,
            "client_secret": facts.client_secret,
            "username": user.email,
            "password": user.password,
        },
        trust_env=False,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def medians(what: str, engine: str, took: list[Took]) -> Start:
    """The median of several starts."""
    whoami = [one.whoami for one in took if one.whoami is not None]
    healthz = median(one.healthz for one in took)
    return Start(what, engine, healthz, median(whoami) if whoami else None)
