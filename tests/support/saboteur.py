"""Somebody with the database's password and no scruples: writes past every rule of the bank."""

import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg

Values = dict[str, Any]


class _Connection(Protocol):
    async def run(self, sql: str, *values: Any) -> list[Values]: ...

    async def close(self) -> None: ...


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = OFF")
        self._connection.execute("PRAGMA ignore_check_constraints = ON")

    async def run(self, sql: str, *values: Any) -> list[Values]:
        rows = self._connection.execute(re.sub(r"\$(\d+)", r"?\1", sql), values)
        return [dict(row) for row in rows.fetchall()]

    async def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> "_Postgres":
        connection = await asyncpg.connect(url)
        await connection.execute("SET session_replication_role = replica")
        return cls(connection)

    async def run(self, sql: str, *values: Any) -> list[Values]:
        return [dict(row) for row in await self._connection.fetch(sql, *values)]

    async def close(self) -> None:
        await self._connection.close()


_IS_BANKS_OWN = "account_id IN (SELECT id FROM accounts WHERE type = 'bank_suspense')"
_ALWAYS_LOOKED_AT = {
    "entry_sets": _IS_BANKS_OWN,
    "entries": _IS_BANKS_OWN,
    "transactions": "id IN (SELECT transaction_id FROM corrections WHERE state = 'open')",
}
"""Rows that every audit looks at, for they belong to what is still open."""


class Saboteur:
    """Damages rows with foreign keys switched off, and puts everything back at the end."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._saved: dict[str, list[Values]] = {}

    @classmethod
    async def connect(cls, url: str) -> "Saboteur":
        """Break in."""
        if url.startswith("sqlite:///"):
            return cls(_Sqlite(url.removeprefix("sqlite:///")))
        return cls(await _Postgres.connect(url))

    async def _save(self, table: str) -> None:
        if table not in self._saved:
            self._saved[table] = await self._connection.run(f"SELECT * FROM {table}")

    async def pick(self, table: str, where: str = "1 = 1") -> Values:
        """The first row that fits, in the order of the table's first columns.

        Those that every audit looks at come last.
        """
        await self._save(table)
        open_ones = _ALWAYS_LOOKED_AT.get(table)
        order = f"{open_ones}, 1, 2, 3" if open_ones else "1, 2, 3"
        rows = await self._connection.run(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}")
        assert rows, f"nothing in {table} fits {where}"
        return rows[0]

    async def update(self, table: str, row: Values, changes: Values) -> None:
        """Change a row that was picked."""
        await self._save(table)
        news = ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, 1))
        match, values = self._match(row, first=len(changes) + 1)
        changed = await self._connection.run(
            f"UPDATE {table} SET {news} WHERE {match} RETURNING 1 AS one",
            *changes.values(),
            *values,
        )
        assert len(changed) == 1

    async def delete(self, table: str, row: Values) -> None:
        """Remove a row that was picked."""
        await self._save(table)
        match, values = self._match(row)
        gone = await self._connection.run(
            f"DELETE FROM {table} WHERE {match} RETURNING 1 AS one", *values
        )
        assert len(gone) == 1

    async def insert(self, table: str, row: Values) -> None:
        """Add a row."""
        await self._save(table)
        places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await self._connection.run(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values()
        )

    def _match(self, row: Values, first: int = 1) -> tuple[str, Sequence[Any]]:
        """A condition on every column of a row that is not null."""
        known = {column: value for column, value in row.items() if value is not None}
        match = " AND ".join(f"{column} = ${n}" for n, column in enumerate(known, first))
        return match, list(known.values())

    async def run(self, sql: str, *values: Any) -> list[Values]:
        """Run any statement, in no transaction but one begun this way."""
        return await self._connection.run(sql, *values)

    async def leave(self, *, undo: bool = True) -> None:
        """Go, and put everything back before."""
        if undo:
            await self._undo()
        await self._connection.close()

    async def _undo(self) -> None:
        await self._connection.run("BEGIN")
        for table, rows in self._saved.items():
            await self._connection.run(f"DELETE FROM {table}")
            for row in rows:
                await self.insert(table, row)
        await self._connection.run("COMMIT")
