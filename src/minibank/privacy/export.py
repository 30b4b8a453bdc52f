"""All that the bank holds about a person, as lines of JSON.

Lines, because a long history is then written and read in bounded memory, and any tool can pick what
it wants; the last line says how many there are of each record, so that a file that was cut short
shows. Every line is `{"record": NAME, "data": {...}}`. Instants are RFC 3339, amounts in minor
units.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from minibank.accounts.records import Account, Limits
from minibank.accounts.store import list_account_ids, list_accounts, list_cards
from minibank.accounts.wire import show_account
from minibank.attachments.names import FILES
from minibank.attachments.store import list_attachments, list_uploads
from minibank.core.ids import shard_of, shard_of_text
from minibank.core.instants import format_instant, format_or_none
from minibank.core.pages import END, START, Position
from minibank.db import ReadTx, Row
from minibank.identity.emails import email_key
from minibank.identity.store import User
from minibank.oauth.store import list_clients
from minibank.oauth.throttle import login_subject
from minibank.pots.store import list_pots_of
from minibank.pots.wire import show_pot
from minibank.privacy import store
from minibank.privacy.books import PAGE, Books, export_books
from minibank.privacy.messages.exporting import View, export_messages
from minibank.receipts.store import list_of_user as list_receipts
from minibank.transactions.store import list_merchants, list_page
from minibank.transactions.windows import Span
from minibank.transactions.wire import (
    Attachments,
    decode_metadata,
    show_attachments,
    show_merchants,
    show_transaction,
)

FORMAT = "minibank-person/1"
UNPROVED_CLIENT = ""
"""The client that guesses of clients that did not prove themselves are counted for."""

Progress = Callable[[int], None]
"""Told how many lines are written."""


def _no_progress(_lines: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an export is about, and how the bank describes itself to them.

    `bic`, `public_url` and `files_url` are as in answers of the API; `bank` says what bank this is.
    """

    user: User
    bic: str
    public_url: str
    files_url: str
    bank: str


@dataclass(slots=True)
class Lines:
    """Takes lines, counts them, and hands them on as bytes."""

    write: Callable[[bytes], object]
    progress: Progress = _no_progress
    counts: dict[str, int] = field(default_factory=dict)
    total: int = 0

    def put(self, record: str, data: object) -> None:
        """Write one record."""
        self.write(msgspec.json.encode({"record": record, "data": data}) + b"\n")
        self.counts[record] = self.counts.get(record, 0) + 1
        self.total += 1
        if self.total % PAGE == 0:
            self.progress(self.total)


async def export_person(tx: ReadTx, subject: Subject, lines: Lines) -> dict[str, int]:
    """Write everything about a person; how many records there are of each kind.

    Ask for it in one snapshot. Of a joint account the other owners' private data is left out: who
    they are, their cards, and which of them did what. Of an account that the person owns no more
    there are only their cards.
    """
    user = subject.user
    lines.put(
        "export",
        {
            "format": FORMAT,
            "user_id": user.id,
            "bank": subject.bank,
            "taken": format_instant(tx.now),
        },
    )
    await _export_identity(tx, user, lines)
    await _export_sign_ins(tx, user, lines)
    await _export_receipts(tx, user, lines)
    await _export_uploads(tx, user, lines)
    accounts = await list_accounts(tx, user.id)
    for account in accounts:
        await _export_account(tx, subject, account, lines)
    await _export_former(tx, user.id, accounts, lines)
    counts = dict(lines.counts)
    lines.put("end", {"counts": counts})
    return counts


async def _export_identity(tx: ReadTx, user: User, lines: Lines) -> None:
    lines.put(
        "person",
        {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "preferred_first_name": user.preferred_first_name,
            "created": format_instant(user.created_at),
        },
    )
    key = email_key(user.email)
    claimed_at = await store.find_claimed_at(tx, shard_of_text(key), key)
    if claimed_at is not None:
        lines.put("email_claim", {"email": key, "claimed": format_instant(claimed_at)})
    changed_at = await store.find_password_changed_at(tx, user.id)
    if changed_at is not None:
        lines.put("password", {"changed": format_instant(changed_at)})


async def _export_sign_ins(tx: ReadTx, user: User, lines: Lines) -> None:
    for row in await store.list_pairs(tx, user.id):
        lines.put(
            "token_pair",
            {
                "client_id": row["client_id"],
                "client_name": row["client_name"],
                "issued": format_instant(row["issued_at"]),
                "access_expires": format_instant(row["access_expires_at"]),
                "can_refresh": bool(row["can_refresh"]),
            },
        )
    async for row in _list_former_tokens(tx, user.id):
        lines.put(
            "former_token",
            {
                "client_id": row["client_id"],
                "kind": row["kind"],
                "reason": row["reason"],
                "ended": format_instant(row["ended_at"]),
                "kept_until": format_instant(row["keep_until"]),
                "reused": format_or_none(row["reused_at"]),
                "reuse_count": row["reuse_count"],
            },
        )
    key = email_key(user.email)
    clients = [client.id for client in await list_clients(tx)]
    for client_id in (UNPROVED_CLIENT, *clients):
        guessed = login_subject(client_id, key)
        found = await store.find_guesses(tx, guessed.shard, guessed.digest)
        if found is not None:
            lines.put(
                "failed_guesses",
                {
                    "client_id": client_id,
                    "failures": found["failures"],
                    "window_ends": format_instant(found["window_ends_at"]),
                },
            )


async def _export_receipts(tx: ReadTx, user: User, lines: Lines) -> None:
    shard = shard_of(user.id)
    assert shard is not None, "the person exists"
    after = ("", "")
    while rows := await list_receipts(tx, shard, user.id, after, PAGE):
        for row in rows:
            names = ("id", "client_id", "external_id", "transaction_id")
            lines.put(
                "receipt",
                {
                    **{name: row[name] for name in names},
                    "created": format_instant(row["created_at"]),
                    "updated": format_instant(row["updated_at"]),
                    "content": msgspec.Raw(row["content"].encode()),
                },
            )
        after = (rows[-1]["client_id"], rows[-1]["external_id"])


async def _list_former_tokens(tx: ReadTx, user_id: str) -> AsyncIterator[Row]:
    after = b""
    while rows := await store.list_former_tokens(tx, user_id, after, PAGE):
        for row in rows:
            yield row
        after = rows[-1]["digest"]


async def _export_account(tx: ReadTx, subject: Subject, account: Account, lines: Lines) -> None:
    shard = shard_of(account.id)
    assert shard is not None, "an account's id says where it lives"
    user_id = subject.user.id
    balance = await store.find_balance(tx, shard, account.id)
    assert balance is not None, "every account has a balance"
    shown = show_account(account, subject.bic)
    own = [owner for owner in shown.owners if owner.user_id == user_id]
    others = [owner.user_id for owner in shown.owners if owner.user_id != user_id]
    first = user_id if shown.description == user_id else ""
    shown = msgspec.structs.replace(shown, owners=own, description=first)
    lines.put(
        "account",
        {
            "account": shown,
            "state": account.state,
            "closed": format_or_none(account.closed_at),
            "other_owners": len(others),
            "booked": balance["booked"],
            "held": balance["held"],
            "limits": {name: balance[name] for name in Limits.__struct_fields__},
            "spent": {
                "day": format_or_none(balance["spending_day"] or None),
                "card": balance["card_spent"],
                "transfer": balance["transfer_spent"],
            },
        },
    )
    await _export_cards(tx, account.id, user_id, lines)
    for one in await list_pots_of(tx, ([shard], [account.id])):
        shown_pot = show_pot(one.pot, one.currency, tx.now)
        lines.put("pot", {"pot": shown_pot, "deleted": format_or_none(one.pot.deleted_at)})
    await _export_history(tx, subject, (shard, account.id), lines)
    await export_messages(tx, View(shard, account.id, user_id, others), lines)
    books = Books(shard, account.id, balance["chain_length"], is_joint=bool(others))
    await export_books(tx, books, lines)


async def _export_cards(tx: ReadTx, account_id: str, user_id: str, lines: Lines) -> None:
    for card in await list_cards(tx, account_id):
        if card.user_id == user_id:
            lines.put(
                "card",
                {
                    "id": card.id,
                    "account_id": card.account_id,
                    "state": card.state,
                    "last_four": card.last_four,
                    "expires": format_instant(card.expires_at),
                    "created": format_instant(card.created_at),
                },
            )


async def _export_former(tx: ReadTx, user_id: str, owned: Sequence[Account], lines: Lines) -> None:
    """What is theirs of accounts that they own no more: that they did, and their cards."""
    for account_id in sorted({*await list_account_ids(tx, user_id)} - {one.id for one in owned}):
        lines.put("former_account", {"account_id": account_id})
        await _export_cards(tx, account_id, user_id, lines)


async def _export_history(
    tx: ReadTx, subject: Subject, account: tuple[int, str], lines: Lines
) -> None:
    """The account's transactions as on the wire, each followed by what was written on it."""
    shard, account_id = account
    after = START
    while page := await list_page(tx, shard, account_id, "", Span(after, END, PAGE)):
        ids = [one.id for one in page]
        named = sorted({one.merchant_id for one in page if one.merchant_id})
        merchants = show_merchants(await list_merchants(tx, named), subject.public_url)
        attached = await _attachments(tx, subject, shard, ids)
        for one in page:
            shown = show_transaction(one, "", merchants, attached)
            if shown.user_id != subject.user.id:
                shown.user_id = ""
            lines.put("transaction", shown)
            for attachment in shown.attachments:
                lines.put("attachment", attachment)
        _put_annotations(await store.list_annotations(tx, shard, ids), lines)
        _put_note_changes(await store.list_note_changes(tx, shard, ids), subject.user.id, lines)
        after = Position(page[-1].created_at, page[-1].id)


async def _attachments(tx: ReadTx, subject: Subject, shard: int, ids: list[str]) -> Attachments:
    """The attachments of these transactions; of another owner's not whose they are, nor where, if
    that is a file which that owner sent."""
    rows = await list_attachments(tx, shard, ids)
    shown = show_attachments(rows, subject.files_url)
    for one in (each for found in shown.values() for each in found):
        if one.user_id != subject.user.id:
            if one.file_url.startswith(f"{subject.files_url}/{FILES}/"):
                one.file_url = one.url = ""
            one.user_id = ""
    return shown


async def _export_uploads(tx: ReadTx, user: User, lines: Lines) -> None:
    """What the person sent, by name and digest; the bytes are copied beside the export."""
    shard, after = shard_of(user.id), ""
    assert shard is not None, "a user's id says where they live"
    while page := await list_uploads(tx, shard, user.id, after, PAGE):
        for one in page:
            lines.put(
                "upload",
                {
                    "id": one.id,
                    "client_id": one.client_id,
                    "file_name": one.file_name,
                    "file_type": one.file_type,
                    "content_length": one.declared_size,
                    "created": format_instant(one.created_at),
                    "stored": format_or_none(one.stored_at),
                    "size": one.size,
                    "media_type": one.media_type,
                    "sha256": one.content_digest.hex() if one.content_digest else None,
                    "attachments": one.uses,
                },
            )
        after = page[-1].id


def _put_annotations(rows: Sequence[Row], lines: Lines) -> None:
    for row in rows:
        lines.put(
            "annotation",
            {
                "transaction_id": row["transaction_id"],
                "client_id": row["client_id"],
                "metadata": decode_metadata(row["metadata"]),
                "updated": format_instant(row["updated_at"]),
            },
        )


def _put_note_changes(rows: Sequence[Row], user_id: str, lines: Lines) -> None:
    for row in rows:
        lines.put(
            "note_change",
            {
                "transaction_id": row["transaction_id"],
                "version": row["version"],
                "by_this_person": row["user_id"] == user_id,
                "client_id": row["client_id"],
                "changed": format_instant(row["changed_at"]),
                "notes_before": row["notes_before"],
            },
        )
