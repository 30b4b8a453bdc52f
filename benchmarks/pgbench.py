"""Run SQL as fast as PostgreSQL answers it, with pgbench."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Round, percentile
from benchmarks.recording import Statement

OVERTIME_SECONDS = 60
SETUP_SECONDS = 300

_RATE = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)$", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([1-9][0-9]*) ", re.MULTILINE)
_PLACE = re.compile(r"\$(\d+)")


class PgbenchFailed(Exception):
    """pgbench could not do what it was asked to."""


@dataclass(frozen=True, slots=True)
class Script:
    """A pgbench script, and the values of its variables."""

    text: str
    values: dict[str, str]


def script_of(statements: Sequence[Statement], prefix: str) -> Script:
    """The statements as a script: the same text, its places as variables.

    In pgbench's prepared mode a variable travels as a parameter, as with the bank's own driver.
    `prefix` keeps the variables of several scripts apart.
    """
    lines = []
    values: dict[str, str] = {}
    for number, statement in enumerate(statements):
        texts = [as_text(value) for value in statement.values]
        names = [f"{prefix}_{number}_{place}" for place in range(1, len(texts) + 1)]
        values |= {name: text for name, text in zip(names, texts, strict=True) if text}
        # pgbench knows no empty variable.
        places = [f":{name}" if name in values else "''" for name in names]
        lines.append(_fill(statement.sql, places).strip() + ";")
    return Script("\n".join(lines) + "\n", values)


def _fill(sql: str, places: Sequence[str]) -> str:
    """The SQL with these texts at its places."""
    return _PLACE.sub(lambda match: places[int(match[1]) - 1], sql)


def as_text(value: object) -> str:
    """A value as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, list | tuple):
        return "{" + ",".join(f'"{as_text(one)}"' for one in value) + "}"
    return str(value)


def parse(output: str, latencies: Sequence[float]) -> Round:
    """The figures in pgbench's output; `latencies` of its transactions in milliseconds."""
    rate = _RATE.search(output)
    if rate is None or _FAILED.search(output) or not latencies:
        raise PgbenchFailed(f"pgbench said:\n{output}")
    return Round(float(rate[1]), percentile(latencies, 50), percentile(latencies, 99))


def latencies_in(log: str) -> list[float]:
    """The latencies, in milliseconds, of pgbench's log of transactions."""
    return [int(line.split()[2]) / 1000 for line in log.splitlines()]


class Pgbench:
    """pgbench against the databases of one server, with a directory for its files."""

    def __init__(self, program: Path, directory: Path, server: Sequence[str]) -> None:
        self._program = program
        self._directory = directory
        self._server = list(server)

    def set_up(self, database: str, scale: int) -> None:
        """Make the tables of TPC-B, still to be vacuumed: as many branches as `scale`."""
        flags = ["-i", "-q", "-I", "dtgp", "-s", str(scale)]
        done = subprocess.run(
            [self._program, *self._server, *flags, database],
            capture_output=True,
            text=True,
            timeout=SETUP_SECONDS,
        )
        if done.returncode != 0:
            raise PgbenchFailed(done.stderr)

    def tpcb(self, database: str, connections: int, threads: int, seconds: int) -> Round:
        """TPC-B, each transaction durable before it is answered."""
        return self._run(database, ["-b", "tpcb-like"], connections, threads, seconds)

    def run(
        self, database: str, scripts: Sequence[Script], connections: int, threads: int, seconds: int
    ) -> Round:
        """The scripts, in equal shares."""
        flags: list[str] = []
        for number, script in enumerate(scripts):
            file = self._directory / f"{number}.sql"
            file.write_text(script.text)
            flags += ["-f", str(file)]
            for name, value in script.values.items():
                flags += ["-D", f"{name}={value}"]
        return self._run(database, flags, connections, threads, seconds)

    def _run(
        self, database: str, flags: Sequence[str], connections: int, threads: int, seconds: int
    ) -> Round:
        for old in self._directory.glob("log.*"):
            old.unlink()
        command: list[str | Path] = [
            self._program,
            *self._server,
            *("--no-vacuum", "--protocol=prepared", *flags),
            *(f"--client={connections}", f"--jobs={min(threads, connections)}"),
            *(f"--time={seconds}", "--log", f"--log-prefix={self._directory / 'log'}", database),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + OVERTIME_SECONDS
        )
        if done.returncode != 0:
            raise PgbenchFailed(done.stderr)
        logs = sorted(self._directory.glob("log.*"))
        return parse(done.stdout, [one for log in logs for one in latencies_in(log.read_text())])
