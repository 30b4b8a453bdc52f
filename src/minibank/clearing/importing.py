"""Import a clearing file: decide a part of it, book it, note what came of it; then what is missing.

Every part is decided and stored before it is booked, and its commands are named by the file and the
line. An import that was cut short is taken up where it was, and a second one changes nothing.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from msgspec.structs import replace

from minibank.accounts.bank.opening import ensure_bank_account
from minibank.clearing import store
from minibank.clearing.matching import Matching
from minibank.clearing.parsing import Checked, Source, read_rows
from minibank.clearing.records import (
    BOOKED,
    DISPUTED,
    ISSUER,
    ClearingFile,
    ClearingReport,
    ClearingRow,
)
from minibank.core.errors import (
    BankError,
    Conflict,
    InternalService,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
)
from minibank.core.ids import SHARDS, compose
from minibank.db import Database, ReadTx, Tx, UniqueViolation
from minibank.payments.commands import Command, Outcome, PresentCard, RefundCard, Suspend
from minibank.payments.engine import Engine
from minibank.payments.picture import Account, Answer
from minibank.payments.store import (
    identities_of,
    keys_of,
    list_authorisations,
    list_facts,
    list_recorded,
)

PART = 250
"""How many rows are decided and booked at a time."""
SHARDS_AT_ONCE = 256
RACES_MAX = 20
"""How often a part may be decided anew because files that name the same come at the same time."""
DAY = 86_400_000_000
COMMAND_REUSED = "conflict.command_id_reused"
REFERENCE_KEY = "mastercard_clearing_message_id"

_PASSING = (Unavailable, RateLimited, Timeout, InternalService)
"""What says nothing about a row: the import ends, and is to be taken up again."""


async def import_file(
    db: Database, engine: Engine, source: Source, imported_by: str, day: int | None = None
) -> ClearingReport:
    """Import a file, or take its import up again; `BadClearingFile` when it breaks its form.

    `day` is the day that the file is for (its beginning, microseconds); None is its newest row's.
    """
    file = await check_file(db, source, imported_by, day)
    await db.transact(lambda tx: claim(tx, file))
    return await book_file(db, engine, source, file.id)


async def check_file(
    db: Database, source: Source, imported_by: str, day: int | None = None
) -> ClearingFile:
    """The file as it is to be claimed; `BadClearingFile` when it breaks its form.

    Reading a hundred thousand rows takes a second, in which a bank has others to serve.
    """
    now = db.clock.now()
    checked = await asyncio.to_thread(Checked, source, now)
    return ClearingFile(
        id=_id_of(checked.digest),
        day=checked.newest_day if day is None else day,
        row_count=checked.row_count,
        imported_by=imported_by,
        began_at=now,
        finished_at=None,
    )


async def claim(tx: Tx, file: ClearingFile) -> str:
    """Store that a file has come, unless it had; its id."""
    await store.claim_file(tx, file)
    return file.id


async def book_file(db: Database, engine: Engine, source: Source, file_id: str) -> ClearingReport:
    """Book what is left of a file that was claimed; two may do so at the same time."""
    known = await db.read(lambda tx: store.find_file(tx, file_id))
    assert known is not None, "it was claimed"
    if known.finished_at is None:
        rows = read_rows(source, known.began_at, [])
        while part := list(islice(rows, PART)):
            await _import_part(db, engine, file_id, part)
        await _find_missing(db, known)
    return await db.snapshot(lambda tx: read_report(tx, file_id))


async def read_report(tx: ReadTx, file_id: str) -> ClearingReport:
    """What came of a file; `NotFound`."""
    file = await store.find_file(tx, file_id)
    if file is None:
        raise no_such_file()
    counts = await store.count_rows(tx, file_id)
    return ClearingReport(
        file=file,
        matched=counts.get("matched", 0),
        surplus=counts.get("surplus", 0),
        duplicate=counts.get("duplicate", 0),
        pending=counts.get("pending", 0),
        missing=await store.count_missing(tx, file_id),
    )


def no_such_file() -> NotFound:
    """What is told of a file that was never imported."""
    return NotFound("clearing_file", "There is no such clearing file")


def _id_of(digest: bytes) -> str:
    """A file's id follows from its content, and routes itself."""
    shard = int.from_bytes(digest[:2]) % SHARDS
    number = int.from_bytes(digest[2:16])
    return compose("clearing", (number >> 60) % 2**62 * 1000, shard, number >> 36, number)


async def _import_part(
    db: Database, engine: Engine, file_id: str, part: Sequence[ClearingRow]
) -> None:
    rows = await _decided(db, file_id, part)
    pending = [one for one in rows if one.status == "pending"]
    if not pending:
        return
    booked = await _book(db, engine, file_id, pending)

    async def note(tx: Tx) -> None:
        stored = await store.list_rows(tx, file_id, part[0].line - 1, part[-1].line, len(part))
        still = {one.line for one in stored if one.status == "pending"}
        fresh = [one for one in booked if one.line in still]
        await store.update_rows(tx, file_id, fresh)
        matched = [one for one in fresh if one.status == "matched"]
        await store.insert_matches(tx, file_id, matched)

    await db.transact(note)


async def _decided(db: Database, file_id: str, part: Sequence[ClearingRow]) -> list[ClearingRow]:
    """The rows once they are decided; each race that is lost was won by another import."""
    for _ in range(RACES_MAX):
        with suppress(UniqueViolation):
            return await db.transact(lambda tx: _decide(tx, file_id, part))
    raise Unavailable("unavailable.database", "Too many files are imported at once", retry_after=1)


async def _decide(tx: Tx, file_id: str, part: Sequence[ClearingRow]) -> list[ClearingRow]:
    """The rows as they are decided: now, or when this was tried before."""
    first, last = part[0].line, part[-1].line
    stored = await store.list_rows(tx, file_id, first - 1, last, len(part))
    if stored:
        return stored
    matching = await Matching.of(tx, part)
    rows = [matching.decide(one) for one in part]
    await store.insert_rows(tx, file_id, rows)
    await store.insert_references(tx, file_id, [one for one in rows if one.status != "duplicate"])
    await store.insert_matches(tx, file_id, [one for one in rows if one.status == "matched"])
    return rows


async def _book(
    db: Database, engine: Engine, file_id: str, pending: Sequence[ClearingRow]
) -> list[ClearingRow]:
    """Book rows on their accounts, and in suspense what fits none."""
    fitting = [one for one in pending if one.account_id]
    accounts, payments = await db.read(lambda tx: _read_facts(tx, fitting))
    commands = [
        _command(
            file_id, one, accounts[one.account_id].opened_at, payments.get(one.authorisation_id)
        )
        for one in fitting
    ]
    done, surplus = [], [one for one in pending if not one.account_id]
    for row, answer in zip(fitting, await _execute(db, engine, commands), strict=True):
        if isinstance(answer, BankError):
            _require_final(answer)
            surplus.append(replace(row, reason=answer.code))
        else:
            done.append(_booked(row, answer, accounts[row.account_id]))
    return done + await _suspend(db, engine, file_id, surplus)


async def _execute(db: Database, engine: Engine, commands: Sequence[Command]) -> list[Answer]:
    """What came of the commands.

    A row that was booked by a command of other content, as an older version may have written it,
    has moved its money: what came of that is what came of the row.
    """
    answers = await engine.execute_many(commands)
    reused = [
        command
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, Conflict) and answer.code == COMMAND_REUSED
    ]
    if not reused:
        return answers
    recorded = await db.read(lambda tx: list_recorded(tx, identities_of(reused)))
    known: dict[str, Answer] = {one.command_id: one.outcome for one in recorded}
    return [
        known.get(command.id, answer) for command, answer in zip(commands, answers, strict=True)
    ]


async def _read_facts(
    tx: ReadTx, rows: Sequence[ClearingRow]
) -> tuple[dict[str, Account], dict[str, str]]:
    """The accounts of rows, and the payments that authorisations of refunds have become."""
    facts = await list_facts(tx, keys_of({one.account_id for one in rows}))
    refunded = {one.authorisation_id for one in rows if one.kind == "refund"}
    authorisations = await list_authorisations(tx, keys_of(refunded))
    return facts.accounts, {one.id: one.transaction_id for one in authorisations.values()}


def _booked(row: ClearingRow, outcome: Outcome, account: Account) -> ClearingRow:
    """A row that its account took; what it did not take is in suspense there."""
    taken = outcome.status == "done"
    refused = "account_closed" if account.state == "closed" else DISPUTED
    return replace(
        row,
        status="matched" if taken else "surplus",
        reason=BOOKED if taken else refused,
        booked_on=row.account_id,
        transaction_id=outcome.transaction_id or "",
    )


async def _suspend(
    db: Database, engine: Engine, file_id: str, surplus: Sequence[ClearingRow]
) -> list[ClearingRow]:
    """Rows in suspense, in the chain of the bank's own account; of nothing there is nothing."""
    currencies = sorted({one.currency for one in surplus})

    async def open_accounts(tx: Tx) -> dict[str, str]:
        return {one: await ensure_bank_account(tx, "bank_suspense", one) for one in currencies}

    holders = await db.transact(open_accounts) if currencies else {}
    moving = [one for one in surplus if one.amount]
    commands = [_suspension(file_id, one, holders[one.currency]) for one in moving]
    answers = dict(zip(moving, await engine.execute_many(commands), strict=True))
    return [_suspended(one, holders[one.currency], answers.get(one)) for one in surplus]


def _suspended(row: ClearingRow, holder: str, answer: Answer | None) -> ClearingRow:
    if answer is None:
        return replace(row, status="surplus")
    if isinstance(answer, BankError):
        raise answer
    return replace(
        row, status="surplus", booked_on=holder, transaction_id=answer.transaction_id or ""
    )


def _require_final(refusal: BankError) -> None:
    if isinstance(refusal, _PASSING):
        raise refusal


def _command(file_id: str, row: ClearingRow, opened_at: int, payment: str | None) -> Command:
    """The command that books a row: it follows from the row, and from what no one ever changes.

    `payment` is the transaction of the authorisation that a refund names.
    """
    shared: dict[str, Any] = {
        "issuer": ISSUER,
        "account_id": row.account_id,
        "id": f"{file_id}/{row.line}",
        "amount": row.amount,
        "description": row.description,
        "merchant_id": row.merchant_id or None,
        "local_amount": row.local_amount,
        "local_currency": row.local_currency or None,
        "happened_at": max(row.day, opened_at),
    }
    if row.kind == "refund":
        return RefundCard(**shared, card_id=row.card_id, original_transaction_id=payment)
    if row.authorisation_id:
        return PresentCard(**shared, authorisation_id=row.authorisation_id)
    return PresentCard(**shared, card_id=row.card_id, metadata={REFERENCE_KEY: row.reference})


def _suspension(file_id: str, row: ClearingRow, holder: str) -> Command:
    return Suspend(
        issuer=ISSUER,
        account_id=holder,
        id=f"{file_id}/{row.line}/suspense",
        kind="payment" if row.kind == "presentment" else "refund",
        amount=row.amount,
        description=row.description,
        merchant_id=row.merchant_id or None,
        local_amount=row.local_amount,
        local_currency=row.local_currency or None,
        metadata={REFERENCE_KEY: row.reference},
    )


async def _find_missing(db: Database, file: ClearingFile) -> None:
    """Store what the books have of the file's day and no row named; with it the import is over."""
    ids = compose("tx", file.day, 0, 0, 0), compose("tx", file.day + DAY, 0, 0, 0)
    for shards in _shards():

        async def look(tx: Tx, shards: range = shards) -> None:
            await store.insert_missing(tx, file.id, await store.list_missing_in(tx, shards, ids))

        await db.transact(look)
    await db.transact(lambda tx: store.finish_file(tx, file.id))


def _shards() -> Iterator[range]:
    for first in range(0, SHARDS, SHARDS_AT_ONCE):
        yield range(first, first + SHARDS_AT_ONCE)
