"""The journal as lines of JSON: everything that was ever booked, in a form that proves itself.

The first line says what follows. Then come entry sets, account by account and each account's in the
order of its chain, and after the last one of each account a line with its end: how long the chain
is as far as it was exported, and the hash there. The last line says that this is all, with counts
and the SHA-256 of all lines before it: without it the journal was cut short.

Each page is read by itself, so a slow reader holds nothing open. What was booked after the export
began is left out from the first such entry set of an account on, so an export ends, and each
account's part has no gap.
"""

import hashlib
from collections.abc import AsyncIterator
from functools import partial

import msgspec

from minibank.core.instants import format_microseconds
from minibank.db import Database
from minibank.journal.entry_sets import store
from minibank.journal.entry_sets.store import Position, ReadSet
from minibank.journal.entry_sets.wire import show_entry_set

FORMAT = "minibank-journal/1"
PAGE = 500
BEGINNING: Position = (-1, "", 0)
"""Before the first entry set of the bank."""
_LAST = 2**62

_encode = msgspec.json.Encoder().encode


class Export:
    """One run through the journal, or through one account's part of it; make it, read `lines`.

    It begins after a position: whoever lost the rest of an export goes on after the last entry set
    that it has. `booked_by` is the instant (microseconds) that the export is of.
    """

    def __init__(
        self, db: Database, booked_by: int, after: Position = BEGINNING, account: str | None = None
    ) -> None:
        self._db = db
        self._booked_by = booked_by
        self._after = after
        self._account = account
        self._digest = hashlib.sha256()
        self._last: ReadSet | None = None
        self.entry_sets = 0
        self.accounts = 0

    async def lines(self) -> AsyncIterator[bytes]:
        """The lines, some at a time; only one page is ever in memory."""
        shard, account_id, sequence = self._after
        yield self._write([self._header()])
        # The end of this account may be what the export that goes on had not come to.
        self._last = await self._db.snapshot(
            lambda tx: store.find_set(tx, shard, account_id, sequence)
        )
        while page := await self._page():
            yield self._write(self._forms(page))
        if self._last is not None:
            yield self._write([self._end_of(self._last)])
        complete = {
            "type": "complete",
            "accounts": self.accounts,
            "entry_sets": self.entry_sets,
            "sha256": self._digest.hexdigest(),
        }
        yield self._write([complete])

    def _header(self) -> dict[str, object]:
        _, account_id, sequence = self._after
        return {
            "type": "journal",
            "format": FORMAT,
            "booked_by": format_microseconds(self._booked_by),
            "account_id": self._account,
            "after": {"account_id": account_id, "sequence": sequence} if account_id else None,
        }

    def _write(self, forms: list[dict[str, object]]) -> bytes:
        text = b"".join(_encode(form) + b"\n" for form in forms)
        self._digest.update(text)
        return text

    async def _page(self) -> list[ReadSet]:
        """The next entry sets that belong to the export."""
        while True:
            page = await self._db.snapshot(
                partial(store.walk_journal, after=self._after, limit=PAGE)
            )
            if not page or (self._account and page[0].account_id != self._account):
                return []
            self._after = page[-1].position
            if kept := self._kept(page):
                return kept

    def _kept(self, page: list[ReadSet]) -> list[ReadSet]:
        """Those that were booked in time; where one was not, its account is passed over."""
        kept = []
        late: tuple[int, str] | None = None
        for one in page:
            key = (one.shard, one.account_id)
            if key == late:
                continue
            if one.booked_at > self._booked_by:
                late = key
            elif not self._account or one.account_id == self._account:
                kept.append(one)
        if late == self._after[:2]:
            self._after = (*late, _LAST)
        return kept

    def _forms(self, page: list[ReadSet]) -> list[dict[str, object]]:
        forms: list[dict[str, object]] = []
        for one in page:
            if self._last is not None and self._last.account_id != one.account_id:
                forms.append(self._end_of(self._last))
            self._last = one
            self.entry_sets += 1
            forms.append({"type": "entry_set"} | msgspec.structs.asdict(show_entry_set(one)))
        return forms

    def _end_of(self, last: ReadSet) -> dict[str, object]:
        self.accounts += 1
        return {
            "type": "account",
            "account_id": last.account_id,
            "sequence": last.sequence,
            "hash": last.hash.hex(),
        }
