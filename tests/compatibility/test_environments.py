"""A client that cannot be installed fails its tests in plain words; nothing is skipped."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.compatibility import environments

# The discard port of this machine, where nothing listens.
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def nothing_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No environment made before, no registry to be reached, nothing kept by the installers."""
    monkeypatch.setattr(environments, "CACHE", tmp_path)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return tmp_path


@pytest.mark.parametrize("name", ["monzo-api", "javascript"])
def test_an_unreachable_registry_is_named_as_the_cause(nothing_cached: Path, name: str):
    with pytest.raises(environments.InstallFailed, match="The package registry must be reachable"):
        environments.launcher(name)


def test_an_environment_that_was_interrupted_is_made_again(nothing_cached: Path):
    def interrupted(directory: Path) -> None:
        (directory / "half").mkdir(parents=True)
        raise KeyboardInterrupt

    def whole(directory: Path) -> None:
        directory.mkdir()

    with pytest.raises(KeyboardInterrupt):
        environments.made_once("client", interrupted)
    assert not (environments.made_once("client", whole) / "half").exists()
    assert environments.made_once("client", interrupted) == nothing_cached / "client"


def test_an_environment_that_many_ask_for_at_once_is_made_once(nothing_cached: Path):
    made: list[Path] = []

    def make(directory: Path) -> None:
        directory.mkdir()
        time.sleep(0.1)  # long enough for the others to be waiting
        made.append(directory)

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: environments.made_once("client", make), range(8)))
    assert made == [nothing_cached / "client"]
    assert asked == made * 8
