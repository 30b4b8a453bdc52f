"""Checkpoints: what the books were, signed, kept where whoever can write the database cannot.

The chain shows an edit, but whoever rewrites a row can also compute the hashes after it anew. A
checkpoint kept elsewhere remembers how long each account's chain was and how it ended then; history
that was rewritten, cut short or deleted since no longer leads there.

The file is lines of JSON: a head, one line for each account, and a signature over all before it.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from minibank.audit.findings import AuditReport, Finding, Mark
from minibank.core.keys import ServerKeys, fingerprint

PURPOSE = "audit checkpoint"
FORMAT: Literal["minibank-checkpoint/1"] = "minibank-checkpoint/1"


class CheckpointError(ValueError):
    """A checkpoint that cannot be believed; the message says why."""


class Head(msgspec.Struct, frozen=True):
    """The first line: which bank, when (microseconds), how much, and the key that signed."""

    format: Literal["minibank-checkpoint/1"]
    bank_created_at: int
    taken_at: int
    accounts: int
    entry_sets: int
    transactions: int
    key: str


class AccountLine(msgspec.Struct, frozen=True, array_like=True):
    """One account: the length of its chain, the hash at its end, and its transactions."""

    account_id: str
    chain_length: int
    chain_head: str
    transactions: int


class SignatureLine(msgspec.Struct, frozen=True):
    """The last line."""

    signature: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint remembers."""

    head: Head
    marks: dict[str, Mark]


def write_checkpoint(
    path: Path, report: AuditReport, keys: ServerKeys, *, bank_created_at: int, taken_at: int
) -> None:
    """Write what a clean audit saw, for its owner only; the file appears whole or not at all."""
    assert report.clean, "a checkpoint remembers books that proved"
    head = Head(
        format=FORMAT,
        bank_created_at=bank_created_at,
        taken_at=taken_at,
        accounts=report.accounts,
        entry_sets=report.entry_sets,
        transactions=report.transactions,
        key=fingerprint(keys.current),
    )
    body = _lines([head, *(_account_line(one, mark) for one, mark in report.marks.items())])
    signed = body + _lines([SignatureLine(keys.sign(PURPOSE, body).hex())])
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(signed)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_checkpoint(path: Path, keys: ServerKeys, *, bank_created_at: int) -> Checkpoint:
    """A checkpoint of this bank; `CheckpointError` when its signature or its bank is another."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read") from error
    body, _, last = content.rstrip(b"\n").rpartition(b"\n")
    body += b"\n"
    try:
        signature = bytes.fromhex(msgspec.json.decode(last, type=SignatureLine).signature)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CheckpointError(f"{path} is no checkpoint, or was cut short") from error
    if not keys.verifies(PURPOSE, body, signature):
        raise CheckpointError(f"the checkpoint {path} was changed, or signed with another key")
    first, *rest = body.splitlines()
    head = msgspec.json.decode(first, type=Head)
    if head.bank_created_at != bank_created_at:
        raise CheckpointError(f"the checkpoint {path} is of another bank")
    lines = [msgspec.json.decode(line, type=AccountLine) for line in rest]
    marks = {
        line.account_id: Mark(line.chain_length, bytes.fromhex(line.chain_head), line.transactions)
        for line in lines
    }
    return Checkpoint(head, marks)


def compare(before: Checkpoint, report: AuditReport) -> list[Finding]:
    """What contradicts the checkpoint, in what an audit that knew its marks saw."""
    findings = []
    for account_id, mark in before.marks.items():
        now = report.marks.get(account_id)
        if now is None:
            message = "was there at the checkpoint and is not now"
            findings.append(Finding("account.deleted", account_id, account_id, message))
            continue
        if now.transactions < mark.transactions:
            message = f"had {mark.transactions} transactions and has {now.transactions}"
            findings.append(Finding("account.transactions", account_id, account_id, message))
        if now.chain_length < mark.chain_length:
            message = f"had {mark.chain_length} entry sets and has {now.chain_length}"
            findings.append(Finding("account.truncated", account_id, account_id, message))
        elif not report.passed.get(account_id, mark.chain_length == 0):
            message = f"its first {mark.chain_length} entry sets are not what they were"
            findings.append(Finding("account.rewritten", account_id, account_id, message))
    return findings


def _account_line(account_id: str, mark: Mark) -> AccountLine:
    return AccountLine(account_id, mark.chain_length, mark.chain_head.hex(), mark.transactions)


def _lines(values: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)
