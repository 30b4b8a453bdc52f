"""Checkpoints find what the chain cannot: books that were forged so well that they prove."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minibank.audit import AuditReport, Plan, audit
from minibank.audit.checkpoint import (
    Checkpoint,
    CheckpointError,
    compare,
    read_checkpoint,
    write_checkpoint,
)
from minibank.core.keys import ServerKeys
from minibank.db import Database
from minibank.ledger.chain import GENESIS, hash_of
from minibank.payments.engine import Engine
from tests.support.banking import Holder, Orders, open_holder
from tests.support.saboteur import Saboteur, Values

KEYS = ServerKeys(bytes(range(32)))
BANK_CREATED_AT = 1_700_000_000_000_000
FUNDS, MORE, LEAST = 1000, 234, 1


@pytest.fixture
async def holder(db: Database) -> Holder:
    """Somebody with two top-ups and nothing else."""
    holder = await open_holder(db, FUNDS)
    await Engine(db).execute(Orders().top_up(holder, MORE))
    return holder


@pytest.fixture
async def saboteur(database_url: str, holder: Holder) -> AsyncIterator[Saboteur]:
    """Somebody who knows how the books are kept."""
    saboteur = await Saboteur.connect(database_url)
    yield saboteur
    await saboteur.leave(undo=False)


async def take(db: Database, path: Path) -> None:
    """Write a checkpoint of a bank that proves."""
    report = await audit(db)
    write_checkpoint(path, report, KEYS, bank_created_at=BANK_CREATED_AT, taken_at=db.clock.now())


def read(path: Path) -> Checkpoint:
    return read_checkpoint(path, KEYS, bank_created_at=BANK_CREATED_AT)


async def held_against(db: Database, path: Path) -> tuple[AuditReport, set[str]]:
    """The audit by itself, and the codes of what it finds with the checkpoint."""
    alone = await audit(db)
    before = read(path)
    report = await audit(db, Plan(before=before.marks))
    return alone, {finding.code for finding in compare(before, report)}


def rehashed(row: Values, entries: list[Values]) -> bytes:
    """The hash that an entry set with these entries would have had."""
    names = ("account_id", "sequence", "id", "code", "transaction_id", "forced")
    form = [row[name] for name in (*names, "happened_at", "booked_at")]
    moves = [[one["address"], one["amount"], one["currency"]] for one in entries]
    return hash_of(bytes(row["previous_hash"]), [*form, moves])


async def forge_last_top_up(saboteur: Saboteur, more: int) -> None:
    """Make the last top-up larger by `more`, with every row and hash that follows from it."""
    last = await saboteur.pick("entry_sets", "sequence = 2")
    entries = []
    for ordinal in (1, 2):
        entry = await saboteur.pick("entries", f"sequence = 2 AND ordinal = {ordinal}")
        amount = entry["amount"] + (more if entry["amount"] > 0 else -more)
        await saboteur.update("entries", entry, {"amount": amount})
        entries.append(entry | {"amount": amount})
    forged = rehashed(last, entries)
    await saboteur.update("entry_sets", last, {"hash": forged})
    balance = await saboteur.pick("balances")
    news = {"booked": balance["booked"] + more, "chain_head": forged}
    await saboteur.update("balances", balance, news)
    transaction = await saboteur.pick("transactions", f"id = '{last['transaction_id']}'")
    changes = {
        name: transaction[name] + more for name in ("amount", "local_amount", "account_balance")
    }
    await saboteur.update("transactions", transaction, changes)
    outcome = await saboteur.pick("outcomes", f"outcome LIKE '%{last['transaction_id']}%'")
    answer = json.loads(outcome["outcome"])
    answer["balance"] += more
    text = json.dumps(answer, separators=(",", ":"))
    await saboteur.update("outcomes", outcome, {"outcome": text})


async def drop_last_top_up(saboteur: Saboteur) -> None:
    """Make as if the last top-up had never been."""
    last = await saboteur.pick("entry_sets", "sequence = 2")
    for ordinal in (1, 2):
        entry = await saboteur.pick("entries", f"sequence = 2 AND ordinal = {ordinal}")
        await saboteur.delete("entries", entry)
    await saboteur.delete("entry_sets", last)
    transaction = await saboteur.pick("transactions", f"id = '{last['transaction_id']}'")
    await saboteur.delete("transactions", transaction)
    outcome = await saboteur.pick("outcomes", f"outcome LIKE '%{last['transaction_id']}%'")
    await saboteur.delete("outcomes", outcome)
    balance = await saboteur.pick("balances")
    first = await saboteur.pick("transactions")
    news = {
        "booked": FUNDS,
        "chain_length": 1,
        "chain_head": last["previous_hash"],
        "last_created_at": first["created_at"],
    }
    await saboteur.update("balances", balance, news)


async def test_books_that_only_grew_hold_against_their_checkpoint(
    db: Database, holder: Holder, tmp_path: Path
) -> None:
    await take(db, tmp_path / "checkpoint")
    await Engine(db).execute(Orders("later").top_up(holder, 5))
    await open_holder(db, 10)
    alone, found = await held_against(db, tmp_path / "checkpoint")
    assert alone.clean
    assert found == set()


async def test_an_edited_entry_breaks_the_chain(db: Database, saboteur: Saboteur) -> None:
    entry = await saboteur.pick("entries", "sequence = 1")
    await saboteur.update("entries", entry, {"amount": entry["amount"] + 1})
    assert "entry_set.hash" in {finding.code for finding in (await audit(db)).findings}


async def test_reordered_entry_sets_break_the_chain(db: Database, saboteur: Saboteur) -> None:
    first = await saboteur.pick("entry_sets", "sequence = 1")
    last = await saboteur.pick("entry_sets", "sequence = 2")
    await saboteur.update("entry_sets", first, {"sequence": 3})
    await saboteur.update("entry_sets", last, {"sequence": 1})
    await saboteur.update("entry_sets", first | {"sequence": 3}, {"sequence": 2})
    codes = {finding.code for finding in (await audit(db)).findings}
    assert {"entry_set.previous_hash", "entry_set.hash"} <= codes


async def test_history_rewritten_with_all_its_hashes_proves_alone_and_fails_its_checkpoint(
    db: Database, saboteur: Saboteur, tmp_path: Path
) -> None:
    await take(db, tmp_path / "checkpoint")
    await forge_last_top_up(saboteur, 1_000_000)
    alone, found = await held_against(db, tmp_path / "checkpoint")
    assert alone.findings == []
    assert found == {"account.rewritten"}


async def test_a_tail_cut_off_without_a_trace_proves_alone_and_fails_its_checkpoint(
    db: Database, saboteur: Saboteur, tmp_path: Path
) -> None:
    await take(db, tmp_path / "checkpoint")
    await drop_last_top_up(saboteur)
    alone, found = await held_against(db, tmp_path / "checkpoint")
    assert alone.findings == []
    assert found == {"account.truncated", "account.transactions"}


async def test_a_declined_payment_that_vanished_fails_its_checkpoint(
    db: Database, holder: Holder, saboteur: Saboteur, tmp_path: Path
) -> None:
    declined = await Engine(db).execute(Orders("card").authorise(holder, 10**9))
    await take(db, tmp_path / "checkpoint")
    transaction = await saboteur.pick("transactions", f"id = '{declined.transaction_id}'")
    await saboteur.delete("transactions", transaction)
    outcome = await saboteur.pick("outcomes", f"outcome LIKE '%{declined.transaction_id}%'")
    await saboteur.delete("outcomes", outcome)
    _, found = await held_against(db, tmp_path / "checkpoint")
    assert found == {"account.transactions"}


async def test_a_deleted_account_fails_its_checkpoint(
    db: Database, holder: Holder, saboteur: Saboteur, tmp_path: Path
) -> None:
    await take(db, tmp_path / "checkpoint")
    tables = ("entries", "entry_sets", "transactions", "outcomes", "balances", "cards", "owners")
    for table in (*tables, "memberships", "accounts"):
        column = "id" if table == "accounts" else "account_id"
        while True:
            try:
                row = await saboteur.pick(table, f"{column} = '{holder.account_id}'")
            except AssertionError:
                break
            await saboteur.delete(table, row)
    alone, found = await held_against(db, tmp_path / "checkpoint")
    assert alone.clean
    assert found == {"account.deleted"}


async def test_an_account_without_history_holds_and_may_begin_one(
    db: Database, tmp_path: Path
) -> None:
    holder = await open_holder(db)
    await take(db, tmp_path / "checkpoint")
    assert read(tmp_path / "checkpoint").marks[holder.account_id].chain_head == GENESIS
    await Engine(db).execute(Orders().top_up(holder, LEAST))
    _, found = await held_against(db, tmp_path / "checkpoint")
    assert found == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"accounts":1', b'"accounts":2'),
        (b'["acc_', b'["Acc_'),
        (b'"signature":"', b'"signature":"00'),
    ],
)
async def test_a_changed_checkpoint_is_not_believed(
    db: Database, holder: Holder, tmp_path: Path, old: bytes, new: bytes
) -> None:
    path = tmp_path / "checkpoint"
    await take(db, path)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(CheckpointError):
        read(path)


async def test_a_checkpoint_cut_short_is_not_believed(
    db: Database, holder: Holder, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    await take(db, path)
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        with pytest.raises(CheckpointError):
            read(path)
    path.write_bytes(lines[0] + lines[-1])
    with pytest.raises(CheckpointError):
        read(path)


async def test_a_checkpoint_of_another_key_or_another_bank_is_not_believed(
    db: Database, holder: Holder, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    await take(db, path)
    with pytest.raises(CheckpointError, match="another key"):
        read_checkpoint(path, ServerKeys(bytes(32)), bank_created_at=BANK_CREATED_AT)
    with pytest.raises(CheckpointError, match="another bank"):
        read_checkpoint(path, KEYS, bank_created_at=BANK_CREATED_AT + 1)
    rotated = ServerKeys(bytes(32), KEYS.current)
    assert read_checkpoint(path, rotated, bank_created_at=BANK_CREATED_AT).marks
