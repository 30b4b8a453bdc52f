"""Find the programs of others that a run needs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres_binaries import candidates, is_usable

WRK = "wrk"
PGBENCH = "pgbench"


class MissingTool(Exception):
    """A program is not installed; the message names the package that brings it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are."""

    wrk: Path
    pgbench: Path


def find_tools() -> Tools:
    """The programs that a run needs; `MissingTool` when one is not installed."""
    wrk = shutil.which(WRK)
    if wrk is None:
        raise MissingTool(
            "make bench needs the HTTP benchmark tool wrk: install the package wrk"
            " (Debian: apt-get install wrk)."
        )
    pgbench = _find_pgbench()
    if pgbench is None:
        raise MissingTool(
            "make bench needs pgbench: install the package postgresql, which brings it"
            " (Debian: apt-get install postgresql)."
        )
    return Tools(Path(wrk), pgbench)


def _find_pgbench() -> Path | None:
    """That of the server which will be started, else any on the path."""
    for binaries in candidates():
        if is_usable(binaries) and (binaries / PGBENCH).exists():
            return binaries / PGBENCH
    found = shutil.which(PGBENCH)
    return Path(found) if found else None
