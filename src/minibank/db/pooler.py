"""Programs between the bank and PostgreSQL that share its connections, such as PgBouncer.

A pooler may drop the settings with which a connection is opened, and may give each transaction
another connection. Serving works with both as long as the role has the limits of its own; migrating
does not, because its lock belongs to one connection.
"""

from collections.abc import Mapping

import asyncpg

from minibank.db.errors import DatabaseUnavailable
from minibank.db.pool import Connection

DIRECT = {"minibank.direct": "on"}
"""What a connection for migrations is opened with: no pooler knows it, so none passes it on."""

_GUIDE = "see PgBouncer in the guide to operating a bank"
_MISSING = {"0", "off"}


def refused_by_pooler(error: asyncpg.ProtocolViolationError) -> DatabaseUnavailable | None:
    """What to say when a pooler does not accept our settings; None when it is something else."""
    if "startup parameter" not in str(error):
        return None
    return DatabaseUnavailable(f"a pooler stands between, and says {error}: {_GUIDE}")


async def require_limits(connection: Connection, wanted: Mapping[str, str]) -> None:
    """Raise `DatabaseUnavailable` when settings that we asked for were dropped on the way.

    A role's own will do, and may be other than ours.
    """
    rows = await connection.fetch(
        "SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS names(name)",
        list(wanted),
    )
    missing = [row["name"] for row in rows if row["value"] in _MISSING]
    if missing:
        raise DatabaseUnavailable(
            f"a pooler stands between and drops {', '.join(missing)}: set them for the role,"
            f" {_GUIDE}"
        )


async def require_direct(connection: Connection) -> None:
    """Raise `DatabaseUnavailable` when a pooler stands between."""
    [name] = DIRECT
    if await connection.fetchval("SELECT current_setting($1, true)", name) != "on":
        raise DatabaseUnavailable(f"migrations go to PostgreSQL itself and past a pooler: {_GUIDE}")
