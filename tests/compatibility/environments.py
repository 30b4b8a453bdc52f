"""Environments for third-party clients: one each, so that their old dependencies never meet ours.

They are made once, from the pinned requirements beside this file, and kept in build/compatibility/.
A registry is asked only while one is being made; afterwards everything works offline.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "compatibility"
REQUIREMENTS = Path(__file__).parent / "requirements"
JAVASCRIPT = Path(__file__).parent / "javascript"
# Node, like npm, is a development dependency of ours: a machine without it will do.
NODE = Path(sys.executable).with_name("node")
NPM = Path(sys.executable).with_name("npm")
# The last thing written into an environment: one without it was interrupted and is made again.
FINISHED = ".finished"
INSTALL_SECONDS = 240


class InstallFailed(Exception):
    """A client could not be installed; says what was tried and what the installer answered."""


@dataclass(frozen=True)
class Launcher:
    """How to run a script in an environment: the program, and the variables it needs."""

    program: Path
    variables: dict[str, str]


def launcher(name: str) -> Launcher:
    """What runs a script of an environment: "javascript", or a file in requirements/.

    Makes the environment when there is none yet. Raises InstallFailed when it cannot.
    """
    if name == "javascript":
        return Launcher(NODE, {"NODE_PATH": str(_javascript_environment() / "node_modules")})
    return Launcher(_python_environment(name), {"PYTHONPATH": str(ROOT)})


def _python_environment(name: str) -> Path:
    """The interpreter of an environment holding exactly what requirements/<name>.txt says."""
    candidates = [REQUIREMENTS / f"{name}-build.txt", REQUIREMENTS / f"{name}.txt"]
    sources = [path for path in candidates if path.exists()]

    def make(directory: Path) -> None:
        venv.EnvBuilder(with_pip=False, symlinks=True).create(directory)
        pip = [sys.executable, "-m", "pip", "--python", str(directory / "bin" / "python")]
        exactly = ["--quiet", "--retries", "2", "install", "--no-deps", "--require-hashes"]
        flags = ["--only-binary", ":all:"]
        for path in sources:
            _install(path, [*pip, *exactly, *flags, "--requirement", str(path)], directory)
            # From here on source packages will do: their builder has just been installed, pinned.
            flags = ["--no-build-isolation", "--use-pep517"]

    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return made_once(f"{name}-{version}-{_digest(sources)}", make) / "bin" / "python"


def _javascript_environment() -> Path:
    """A directory whose node_modules holds exactly what javascript/package-lock.json says."""
    sources = [JAVASCRIPT / "package.json", JAVASCRIPT / "package-lock.json"]

    def make(directory: Path) -> None:
        directory.mkdir()
        for path in sources:
            shutil.copy(path, directory)
        # Optional packages serve the client's command line tool; nothing needs install scripts.
        flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"]
        _install(sources[1], [str(NPM), "ci", *flags, *patience], directory)

    return made_once(f"javascript-{_digest(sources)}", make)


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The environment of that name: the first process to ask makes it while the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    directory = CACHE / name
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / FINISHED).exists():
            shutil.rmtree(directory, ignore_errors=True)
            make(directory)
            (directory / FINISHED).touch()
    return directory


def _install(source: Path, command: list[str], directory: Path) -> None:
    settings = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    try:
        subprocess.run(
            command,
            cwd=directory,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        said = "\n".join(str(failure.stdout or failure).strip().splitlines()[-8:])
        raise InstallFailed(
            f"Cannot install what {source.relative_to(ROOT)} pins. The package registry must be "
            f"reachable the first time the compatibility tests run; later runs use "
            f"{os.path.relpath(CACHE, ROOT)}/ and no network. The installer said:\n{said}"
        ) from failure


def _digest(paths: list[Path]) -> str:
    """Names an environment by what is to be in it, so that a changed pin makes a new one."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]
