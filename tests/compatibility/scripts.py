"""Running a client's script against a bank, keeping what it says on the wire."""

import fcntl
import json
import os
import pickle
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility import environments
from tests.compatibility.demo import Customer, DemoBank
from tests.compatibility.wiretap import Exchange, Wiretap

CLIENTS = Path(__file__).parent / "clients"
SCRIPT_SECONDS = 60


@dataclass(frozen=True)
class Run:
    """What the bank held before any script ran, what this one reported, what the wire carried.

    `customers` is empty for a script that is about tokens alone.
    """

    bank: DemoBank
    customers: list[Customer]
    report: dict[str, Any]
    exchanges: list[Exchange]


# Runs a script of clients/ in an environment, both by name.
Runner = Callable[[str, str], Run]


def once_in(directory: Path, name: str, run: Callable[[], Run]) -> Run:
    """The run of that name: made by the process that asks first, read by all that share the place.

    A run that fails fails everybody who asks for it, and is not tried again.
    """
    kept = directory / f"{name}.pickle"
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            try:
                outcome: Run | str = run()
            except pytest.fail.Exception as failure:
                outcome = str(failure)
            kept.write_bytes(pickle.dumps(outcome))
    outcome = pickle.loads(kept.read_bytes())
    if isinstance(outcome, str):
        pytest.fail(outcome, pytrace=False)
    return outcome


def execute(
    bank: DemoBank, directory: Path, script: Path, environment: str
) -> tuple[str, list[Exchange]]:
    """What a script prints, and its exchanges with the bank; one that breaks fails the test.

    It runs in `directory`, where the demo's file is demo.json, and is given that file's name.
    """
    try:
        launcher = environments.launcher(environment)
    except environments.InstallFailed as failure:
        pytest.fail(str(failure), pytrace=False)
    # Nothing of the machine's own settings (proxies, files in the home directory) reaches a client.
    variables = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory)}
    command = [str(launcher.program), str(script), "demo.json"]
    variables |= {"PYTHONUTF8": "1"} | launcher.variables
    with Wiretap(bank.base_url) as tap:
        info = json.dumps(bank.info | {"base_url": tap.base_url})
        (directory / "demo.json").write_text(info)
        status, printed, said = _finish(command, directory, variables)
    exchanges = tap.exchanges()
    if status != 0:
        last = "\n".join(exchange.line for exchange in exchanges[-5:])
        pytest.fail(f"{script.name} broke.\n{said}\nLast on the wire:\n{last}", pytrace=False)
    return printed, exchanges


def _finish(
    command: list[str], directory: Path, variables: dict[str, str]
) -> tuple[int | None, str, str]:
    """Exit status, output and complaints; no status when it had to be stopped."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        printed, complaints = process.communicate(timeout=SCRIPT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, "", f"It had not finished after {SCRIPT_SECONDS} s."
    return process.returncode, printed, complaints[-4000:]
