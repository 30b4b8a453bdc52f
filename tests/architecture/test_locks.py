"""The lock files: complete, one version per package, tied to nobody's index."""

import re

import pytest

from tests.architecture.source import ROOT

LOCKS = ("runtime", "build", "dev")


def locked(name: str) -> dict[str, str]:
    """Package to version."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    for block in re.split(r"\n(?=[\w.-]+==)", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert not re.search(r"://|--(?:extra-)?index|--find-links|--trusted-host| @ ", text)


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_development_runs_on_the_versions_that_are_installed_for_use(name: str) -> None:
    dev = locked("dev")
    assert {package: dev.get(package) for package in locked(name)} == locked(name)
    assert len(locked(name)) > 3
