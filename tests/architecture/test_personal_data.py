"""Nothing about a person is stored before somebody has said what becomes of it."""

from minibank.privacy.inventory import EXCLUDED_COLUMNS, INVENTORY
from tests.architecture.schema import owned_tables, tables


def telling(table: str) -> set[str]:
    """The columns of a table in which something about a person may stand."""
    columns = tables()[table].columns
    return {name for name, type_ in columns.items() if type_.split()[0] in {"TEXT", "BYTEA"}}


def test_every_table_of_customers_is_exported_or_somebody_said_why_not() -> None:
    assert INVENTORY.keys() == owned_tables()
    for table, held in INVENTORY.items():
        assert bool(held.shown_as) != bool(held.not_shown), table


def test_every_text_about_a_person_is_erased_or_somebody_said_why_not() -> None:
    for table, held in INVENTORY.items():
        assert held.columns.keys() == telling(table), table
        assert all(column.why for column in held.columns.values()), table


def test_what_an_export_leaves_out_of_a_table_is_digests_and_a_hash() -> None:
    digests = {
        f"{table}.{name}"
        for table, held in INVENTORY.items()
        for name, type_ in tables()[table].columns.items()
        if held.shown_as and type_.startswith("BYTEA")
    } - {"deliveries.payload", "delivery_attempts.excerpt"}
    assert EXCLUDED_COLUMNS.keys() == {"passwords.hash"} | digests


def test_a_table_without_a_decision_would_be_seen() -> None:
    assert "transactions" in owned_tables()
    assert {"notes", "counterparty"} <= telling("transactions")
    assert "amount" not in telling("transactions")
