"""What a database URL may say, and what an error never repeats of it."""

import sqlite3
import stat
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.db import (
    DatabaseError,
    DatabaseUnavailable,
    open_database,
    sqlite,
    sqlite_path,
    sqlite_url,
)
from minibank.db.sqlite_files import VERSION_MIN, connect, require_version

PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///bank.db", "bank.db"),
        ("sqlite:///some/where/bank.db", "some/where/bank.db"),
        ("sqlite:////srv/bank.db", "/srv/bank.db"),
        ("sqlite:////srv/my%20bank.db", "/srv/my bank.db"),
        ("sqlite:////srv/my bank.db", "/srv/my bank.db"),
        ("sqlite:////srv/100%25.db", "/srv/100%.db"),
        ("sqlite:////srv/what%3F.db", "/srv/what?.db"),
        ("sqlite:////srv/caf%C3%A9.db", "/srv/café.db"),
        ("sqlite:////srv/café#1.db", "/srv/café#1.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str):
    assert sqlite_path(url) == Path(path)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1))
def test_the_url_of_a_file_names_that_file(name: str):
    for path in (Path("/srv") / name, Path(name)):
        assert sqlite_path(sqlite_url(path)) == path


@pytest.mark.parametrize(
    "url", ["postgresql://host/name", "sqlite://bank.db", "sqlite:bank.db", "bank.db", ""]
)
def test_another_url_names_no_file(url: str):
    assert sqlite_path(url) is None


@pytest.mark.parametrize(
    "url",
    ["sqlite:///", "sqlite:///:memory:", "sqlite:///bank.db?mode=ro", "sqlite:///bank%00.db"],
)
def test_a_sqlite_url_without_a_file_or_with_options_is_refused(url: str):
    with pytest.raises(ValueError, match="sqlite:///"):
        sqlite_path(url)


@pytest.mark.parametrize("url", ["", "bank.db", "sqlite://bank.db", "mysql://host/name"])
async def test_another_kind_of_database_is_refused(url: str):
    with pytest.raises(ValueError, match=r"sqlite:/// or postgresql://"):
        await open_database(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{PASSWORD}@127.0.0.1:1/bank",
        f"postgres://ada:{PASSWORD}@127.0.0.1:1/bank",
        f"postgresql://ada:x#{PASSWORD}@127.0.0.1:1/bank",
        f"postgresql://ada:x/{PASSWORD}@127.0.0.1:1/bank",
        f"postgresql://ada:x@{PASSWORD}@127.0.0.1:1/bank",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:port/bank",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:99999/bank",
        f"postgresql://ada:[{PASSWORD}@127.0.0.1/bank",
        f"postgresql://ada:{PASSWORD}@no-such-host.invalid/bank",
        f"postgresql://ada@127.0.0.1:1/bank?password={PASSWORD}",
        f"postgresql://ada@127.0.0.1:1/bank?sslmode={PASSWORD}",
        f"postgresql://ada@127.0.0.1:1/bank?port={PASSWORD}",
        f"mysql://ada:{PASSWORD}@host/bank",
        f"sqlite:///{PASSWORD}?key={PASSWORD}",
    ],
)
async def test_no_error_repeats_a_password_of_the_url(url: str):
    with pytest.raises((ValueError, DatabaseUnavailable)) as caught:
        await open_database(url)
    assert str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception_only(caught.value))
    shown = caught.value.__cause__ or (
        None if caught.value.__suppress_context__ else caught.value.__context__
    )
    assert PASSWORD not in str(shown)


def _modes(directory: Path) -> dict[str, int]:
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in directory.iterdir()}


async def test_a_directory_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match="its directory does not exist"):
        await open_database(f"sqlite:///{tmp_path}/none/bank.db")
    assert _modes(tmp_path) == {}


@pytest.mark.parametrize("content", [b"This is a letter, and no database.\n" * 100, b"\xff" * 4096])
async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnavailable, match=r"letter\.txt"):
        await open_database(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_a_directory_is_no_database(tmp_path: Path):
    with pytest.raises(DatabaseUnavailable):
        await open_database(f"sqlite:///{tmp_path}")


async def test_a_new_file_and_what_lies_beside_it_are_for_its_owners_eyes_only(tmp_path: Path):
    path = tmp_path / "bank.db"
    db = await open_database(f"sqlite:///{path}")

    async def work(tx) -> None:
        await tx.execute("CREATE TABLE t (n INT) STRICT")

    await db.transact(work)
    modes = _modes(tmp_path)
    await db.close()
    assert modes == {"bank.db": 0o600, "bank.db-wal": 0o600, "bank.db-shm": 0o600}


async def test_a_file_that_is_there_keeps_the_mode_its_owner_gave_it(tmp_path: Path):
    path = tmp_path / "bank.db"
    path.touch(0o640)
    path.chmod(0o640)
    db = await open_database(f"sqlite:///{path}")
    await db.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_name_with_spaces_and_signs_is_opened_as_it_is_written(tmp_path: Path):
    db = await open_database(f"sqlite:///{tmp_path}/my%20100%25%20bank%3F.db")
    await db.close()
    assert list(_modes(tmp_path)) == ["my 100% bank?.db"]


async def test_a_relative_path_is_relative_to_the_present_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    db = await open_database("sqlite:///bank.db")
    await db.close()
    assert (tmp_path / "bank.db").exists()


def test_a_file_that_cannot_have_a_write_ahead_log_is_refused():
    with pytest.raises(DatabaseUnavailable, match="write-ahead log"):
        connect(Path(":memory:"), 0)


async def test_a_file_that_cannot_be_opened_twice_is_not_kept_open_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened: list[sqlite3.Connection] = []

    def failing(path: Path, busy_seconds: float, *, writes: bool = True) -> sqlite3.Connection:
        if not writes:
            raise DatabaseError("too many open files")
        opened.append(connect(path, busy_seconds))
        return opened[-1]

    monkeypatch.setattr(sqlite, "connect", failing)
    with pytest.raises(DatabaseUnavailable, match="too many"):
        await open_database(f"sqlite:///{tmp_path}/bank.db")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_a_sqlite_without_strict_tables_is_refused_by_its_version():
    with pytest.raises(DatabaseUnavailable, match=r"SQLite 3\.26\.0 .* 3\.37\.0"):
        require_version((3, 26, 0))
    require_version(VERSION_MIN)
    require_version(sqlite3.sqlite_version_info)
