"""Run `minibank` as a person does, and see what it printed."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from minibank.cli import main


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for scripts."""
        return json.loads(self.out)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings of a bank, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIBANK_")}
    # Banks that serve side by side cannot share a port.
    return {**kept, "COLUMNS": "80", "MINIBANK_METRICS_PORT": "0", **variables}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`minibank`, run in a directory with these variables.

    Within this process unless `spawns`: starting Python for every command would take most of the
    time of a test.
    """

    directory: Path
    variables: dict[str, str]
    spawns: bool = False

    def try_(self, *arguments: str, stdin: str = "", **variables: str) -> Finished:
        """Run a command, however it ends."""
        around = environment(**{**self.variables, **variables})
        if self.spawns:
            return self._spawn(arguments, stdin, around)
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.directory),
            patch.dict(os.environ, around, clear=True),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = main(list(arguments))
        return Finished(status, out.getvalue(), err.getvalue())

    def _spawn(self, arguments: tuple[str, ...], stdin: str, around: dict[str, str]) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "minibank", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.directory,
            env=around,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> Finished:
        """Run a command that must succeed."""
        done = self.try_(*arguments, stdin=stdin, **variables)
        assert done.status == 0, (arguments, done)
        return done
