"""The drivers' errors in the words of the port: by code alone, and without what they quote."""

import asyncio
import sqlite3
import ssl
import traceback

import asyncpg
import pytest

from minibank.core.errors import NotFound
from minibank.db import postgres, sqlite_files
from minibank.db.errors import (
    BadData,
    DatabaseError,
    DatabaseUnavailable,
    LostRace,
    StorageFull,
    TakesNoWrites,
    TookTooLong,
    UniqueViolation,
    raise_translated,
)

SECRET = "hunter2"


def postgres_error(state: str) -> asyncpg.PostgresError:
    """An error as the server sends it: message, detail and context quote a value."""
    return asyncpg.PostgresError.new(
        {"S": "ERROR", "C": state, "M": "a message", "D": f"Key (email)=({SECRET}) exists."}
    )


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("a message")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40001", LostRace),
        ("40P01", LostRace),
        ("55P03", LostRace),
        ("25001", LostRace),
        ("23505", UniqueViolation),
        ("23502", BadData),
        ("23503", BadData),
        ("23514", BadData),
        ("22003", BadData),
        ("22021", BadData),
        ("22P02", BadData),
        ("54000", BadData),  # an index entry that is too large
        ("08000", DatabaseUnavailable),
        ("08006", DatabaseUnavailable),
        ("25006", TakesNoWrites),
        ("25P03", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("57P02", DatabaseUnavailable),
        ("57P03", DatabaseUnavailable),
        ("57P05", DatabaseUnavailable),
        ("53300", DatabaseUnavailable),
        ("53200", DatabaseUnavailable),
        ("58030", DatabaseUnavailable),
        ("28P01", DatabaseUnavailable),
        ("3D000", DatabaseUnavailable),
        ("53100", StorageFull),
        ("42501", StorageFull),
        ("57014", TookTooLong),  # a statement that took too long: not again
        ("XX000", DatabaseError),
    ],
)
def test_every_state_of_the_server_has_its_word(state: str, kind: type[DatabaseError]):
    translated = postgres.translate(postgres_error(state))
    assert type(translated) is kind
    assert state in str(translated)


@pytest.mark.parametrize("state", ["42601", "42P01", "42703", "42804", "25P02", "0A000"])
def test_a_fault_of_the_code_stays_what_it_is(state: str):
    error = postgres_error(state)
    assert postgres.translate(error) is error


@pytest.mark.parametrize("state", ["23505", "22003", "23514", "40001", "XX000"])
def test_no_word_of_the_port_quotes_a_row_of_the_server(state: str):
    error = asyncpg.PostgresError.new(
        {
            "S": "ERROR",
            "C": state,
            "M": f'value "{SECRET}" is out of range' if state[:2] == "22" else "a message",
            "D": f"Failing row contains ({SECRET}).",
        }
    )
    assert SECRET not in str(postgres.translate(error))


def test_a_value_that_the_driver_refuses_is_named_by_its_position():
    error = asyncpg.DataError(f"invalid input for query argument $3: '{SECRET}' (out of range)")
    translated = postgres.translate(error)
    assert type(translated) is BadData
    assert str(translated) == "22000 invalid input for query argument $3"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset by peer"),
        ConnectionRefusedError(),
        TimeoutError(),
        ssl.SSLError("closed"),
        asyncio.IncompleteReadError(b"", 4),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InternalClientError("got result for unknown protocol state"),
    ],
)
def test_whatever_says_that_the_server_is_gone_says_so_in_one_word(error: Exception):
    translated = postgres.translate(error)
    assert type(translated) is DatabaseUnavailable
    assert str(translated)


def test_a_statement_prepared_for_an_older_schema_is_a_lost_race():
    for error in (
        asyncpg.InvalidCachedStatementError("cached plan must not change result type"),
        asyncpg.OutdatedSchemaCacheError("unexpected number of attributes"),
    ):
        assert type(postgres.translate(error)) is LostRace


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, LostRace),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LostRace),
        (sqlite3.SQLITE_LOCKED, LostRace),
        (sqlite3.SQLITE_PROTOCOL, LostRace),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, UniqueViolation),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, UniqueViolation),
        (sqlite3.SQLITE_CONSTRAINT_ROWID, UniqueViolation),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, BadData),
        (sqlite3.SQLITE_CONSTRAINT_NOTNULL, BadData),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, BadData),
        (sqlite3.SQLITE_TOOBIG, BadData),
        (sqlite3.SQLITE_MISMATCH, BadData),
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_READONLY, StorageFull),
        (sqlite3.SQLITE_READONLY_DBMOVED, StorageFull),
        (sqlite3.SQLITE_IOERR_WRITE, StorageFull),
        (sqlite3.SQLITE_CANTOPEN, DatabaseUnavailable),
        (sqlite3.SQLITE_NOTADB, DatabaseUnavailable),
        (sqlite3.SQLITE_CORRUPT, DatabaseUnavailable),
    ],
)
def test_every_code_of_the_file_has_its_word(code: int, kind: type[DatabaseError]):
    assert type(sqlite_files.translate(sqlite_error(code))) is kind


def test_other_faults_of_the_embedded_engine_stay_what_they_are():
    for error in (sqlite_error(sqlite3.SQLITE_ERROR), sqlite3.ProgrammingError("wrong count")):
        assert sqlite_files.translate(error) is error


def test_only_a_read_that_writes_keeps_the_drivers_own_error():
    error = sqlite_error(sqlite3.SQLITE_READONLY)
    assert sqlite_files.translate_read(error) is error
    moved = sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED)
    assert type(sqlite_files.translate_read(moved)) is StorageFull


@pytest.mark.parametrize("engine", [postgres, sqlite_files])
def test_a_text_that_is_not_unicode_is_bad_data_and_is_not_quoted(engine):
    with pytest.raises(UnicodeEncodeError) as caught:
        f"{SECRET}\udc80".encode()
    translated = engine.translate(caught.value)
    assert type(translated) is BadData
    assert SECRET not in str(translated)


@pytest.mark.parametrize("engine", [postgres, sqlite_files])
def test_a_refusal_of_the_bank_passes_as_it_is(engine):
    refusal = NotFound("webhook")
    assert engine.translate(refusal) is refusal


def test_the_traceback_of_a_translated_error_shows_the_place_and_not_the_drivers_words():
    def place() -> None:
        raise postgres_error("23505")

    def in_the_words_of_the_port() -> None:
        try:
            place()
        except asyncpg.PostgresError as error:
            raise_translated(postgres.translate(error), error)

    with pytest.raises(UniqueViolation) as caught:
        in_the_words_of_the_port()
    printed = "".join(traceback.format_exception(caught.value))
    assert "in place" in printed
    assert SECRET not in printed


def test_an_error_that_needs_no_translation_does_not_become_its_own_cause():
    refusal = NotFound()
    with pytest.raises(NotFound) as caught:
        raise_translated(refusal, refusal)
    assert caught.value.__cause__ is None
