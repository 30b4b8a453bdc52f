"""What `make` says on a machine that lacks something."""

import shutil
import subprocess
from pathlib import Path

import pytest

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
