"""The roles that the guide to operating a bank proposes: what each can do and cannot."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from minibank.app.books import open_books, open_serving_books
from minibank.app.store import find_server_key
from minibank.audit import audit
from minibank.core.keys import write_new_key
from minibank.db.backup import back_up
from minibank.db.base import Migration
from minibank.settings import Settings, preset
from tests.support.banking import open_holders
from tests.support.databases import Databases
from tests.support.pooler import pooled
from tests.support.roles import new_name, with_role
from tests.support.scratch import another
from tests.support.teller import Teller

GUIDE = Path(__file__).parents[2] / "docs/guides/operate-a-bank.md"
ROLES = ("bank_owner", "bank_server", "bank_reader")


@dataclass(frozen=True, slots=True)
class Place:
    """A database with a superuser's connection to it, and the roles by their names in the guide."""

    url: str
    superuser: "asyncpg.Connection[asyncpg.Record]"
    names: dict[str, str]

    def as_(self, role: str) -> str:
        """The address for one of the roles."""
        return with_role(self.url, self.names[role])

    def settings(self, role: str, key: str = "") -> Settings:
        """The settings of a production bank for one of the roles."""
        return preset("production", database=self.as_(role), server_key_file=key)

    async def run(self, block: str, *, role: str = "") -> None:
        """Run one of the guide's blocks, with this test's names and database."""
        for name, own in self.names.items():
            block = block.replace(name, own)
        connection = await asyncpg.connect(self.as_(role)) if role else self.superuser
        for statement in filter(None, map(str.strip, block.split(";"))):
            if not statement.startswith("CREATE DATABASE"):
                await connection.execute(statement)
        if role:
            await connection.close()


def sql_blocks() -> list[str]:
    """The blocks of SQL in the guide, in order."""
    return re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.fixture
async def place(postgres_url: str, databases: Databases) -> AsyncIterator[Place]:
    """The roles and the bank, made as the guide says."""
    url = databases.new("postgres", migrated=False)
    superuser = await asyncpg.connect(url)
    made = Place(url, superuser, {name: new_name(name) for name in ROLES})
    create, grant, take, *_ = sql_blocks()
    await made.run(create)
    name = urlsplit(url).path.removeprefix("/")
    await superuser.execute(f'ALTER DATABASE "{name}" OWNER TO {made.names["bank_owner"]}')
    await made.run(grant)
    async with open_books(made.settings("bank_owner"), creates=True):
        pass
    await made.run(take, role="bank_owner")
    yield made
    await superuser.execute(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
    for role in made.names.values():
        await superuser.execute(f"DROP OWNED BY {role} CASCADE")
    await superuser.execute(f"DROP ROLE {', '.join(made.names.values())}")
    await superuser.close()
    databases.discard(url)


async def test_a_server_without_the_owners_rights_does_all_that_serving_needs(
    place: Place, tmp_path: Path
):
    write_new_key(tmp_path / "server.key", bytes(32))
    settings = place.settings("bank_server", str(tmp_path / "server.key"))
    async with open_serving_books(settings) as db:
        teller = await Teller.open(db)
        await teller.do_everything()
        assert (await audit(db)).clean
    async with open_serving_books(settings) as db:  # with a key that the bank knows by now
        assert await db.read(find_server_key) is not None


async def test_an_auditor_proves_and_backs_up_the_bank_and_changes_nothing(
    place: Place, tmp_path: Path
):
    async with open_books(place.settings("bank_server")) as db:
        await open_holders(db, 2)
    async with open_books(place.settings("bank_reader")) as db:
        assert (await audit(db)).clean
        assert (await back_up(db, tmp_path / "bank.backup", kind="production"))["accounts"] == 2
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.transact(lambda tx: tx.execute("DELETE FROM owners WHERE shard >= 0"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount = 0",
        "DELETE FROM entries",
        "UPDATE entry_sets SET forced = 1",
        "DELETE FROM entry_sets",
        "DELETE FROM server_keys",
        "UPDATE bank SET kind = 'sandbox'",
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'x', 0)",
        "CREATE TABLE more (n BIGINT)",
        "ALTER TABLE balances ADD COLUMN more BIGINT",
        "DROP TABLE balances",
        "TRUNCATE annotations",
        "ALTER TABLE entries DISABLE TRIGGER ALL",
    ],
)
async def test_a_server_can_rewrite_neither_the_ledger_nor_the_schema(place: Place, statement: str):
    async with open_books(place.settings("bank_server")) as db:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.transact(lambda tx: tx.execute(statement))


async def test_a_later_migration_is_the_owners_and_its_tables_are_the_servers_at_once(
    place: Place,
):
    step = Migration(9000, "next", "CREATE TABLE next_ones (n BIGINT)", transactional=True)
    async with open_books(place.settings("bank_server")) as server:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.apply(step, 0)
        async with open_books(place.settings("bank_owner")) as owner:
            assert await owner.apply(step, 0)
        # What was opened before the migration goes on after it.
        insert = "INSERT INTO next_ones (n) VALUES (1)"
        assert await server.transact(lambda tx: tx.execute(insert)) == 1
        await open_holders(server, 1)


async def test_the_settings_that_the_guide_proposes_for_tables_and_roles_are_accepted(
    place: Place,
):
    *_, tables, limits = sql_blocks()
    await place.run(tables, role="bank_owner")
    await place.run(limits)
    options = await place.superuser.fetchval(
        "SELECT reloptions FROM pg_class WHERE relname = 'balances'"
    )
    assert "fillfactor=50" in options
    async with open_books(place.settings("bank_server")) as db:
        await open_holders(db, 1)


async def test_a_bank_whose_limits_are_the_roles_serves_through_a_pooler(place: Place):
    *_, limits = sql_blocks()
    await place.run(limits)
    [ini] = re.findall(r"ignore_startup_parameters = (\S+)", GUIDE.read_text())
    ignored = set(ini.split(","))
    url = place.as_("bank_server")
    async with pooled(url, ignored=ignored) as (_, through), another(through) as db:
        await open_holders(db, 3)
        assert (await audit(db)).accounts == 3
