"""What `make` says on a machine that lacks something."""

import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.source import ROOT

NEEDED = ("sh", "env", "dirname", "uname", "rm", "touch")


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with the most ordinary programs and no Python."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return programs


def set_up(path: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    """Run the set-up with this PATH and nothing else of ours."""
    return subprocess.run(
        [shutil.which("sh") or "sh", ROOT / "scripts" / "setup.sh", "runtime"],
        env={"PATH": str(path), "VENV": str(venv)},
        capture_output=True,
        text=True,
    )


def put_python(path: Path, script: str) -> None:
    """A program called python3.11 that answers as a script says."""
    python = path / "python3.11"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def test_without_a_python_it_says_which_is_needed(bare_path: Path, tmp_path: Path) -> None:
    said = set_up(bare_path, tmp_path / "venv")
    assert said.returncode == 1
    assert "minibank needs Python 3.11 or newer, and none was found on PATH" in said.stderr


def test_a_python_that_is_too_old_is_none(bare_path: Path, tmp_path: Path) -> None:
    put_python(bare_path, "exit 1")
    said = set_up(bare_path, tmp_path / "venv")
    assert said.returncode == 1
    assert "none was found on PATH" in said.stderr


def test_a_python_without_venv_is_told_by_its_package(bare_path: Path, tmp_path: Path) -> None:
    # It answers the question for its version, and then names the parts that are missing.
    put_python(bare_path, 'case "$1" in -c) exit 0 ;; -) echo 3.11 venv ;; esac')
    said = set_up(bare_path, tmp_path / "venv")
    assert said.returncode == 1
    assert "python3.11-venv" in said.stderr or "venv and ensurepip" in said.stderr
    assert not (tmp_path / "venv").exists()


def test_what_is_wanted_with_extras_is_locked_with_them() -> None:
    # With only the bare name pinned, pip looks for the newest release that has the extra, and
    # stops because no hash of that one is known: an install breaks when somebody else releases.
    lock = (ROOT / "requirements" / "dev.lock").read_text()
    wanted = {
        f"{one.name}[{','.join(sorted(one.extras))}]=="
        for installed in distributions()
        for one in map(Requirement, installed.requires or ())
        if one.extras and (one.marker is None or one.marker.evaluate({"extra": ""}))
    }
    assert wanted
    assert [pin for pin in sorted(wanted) if f"\n{pin}" not in lock] == []
