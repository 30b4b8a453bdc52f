"""What each row of a clearing file comes to, before anything is booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from minibank.clearing import store
from minibank.clearing.records import DIFFERS, FOUND, ClearingRow
from minibank.core.ids import shard_of
from minibank.db import ReadTx
from minibank.payments.effects import Authorisation
from minibank.payments.picture import SUSPENSE_ACCOUNT
from minibank.payments.store import (
    Facts,
    keys_of,
    list_authorisations,
    list_facts,
    list_merchant_categories,
)
from minibank.transactions.store import list_records

ALIKE_WINDOW = 2 * 86_400_000_000
"""How far from the beginning of its day a payment without an authorisation may have been made."""


@dataclass(slots=True)
class Matching:
    """Decides some rows of a file against one view of the books."""

    known: Mapping[str, tuple[str, int]]
    authorisations: Mapping[str, Authorisation]
    facts: Facts
    merchants: Mapping[str, str]
    settled: Mapping[str, int]
    alike: Mapping[store.Alike, list[str]]
    matched: set[str]
    seen: set[str] = field(default_factory=set)

    @classmethod
    async def of(cls, tx: ReadTx, rows: Sequence[ClearingRow]) -> "Matching":
        """Read what the rows are held against: as many queries however many they are."""
        authorisations = await list_authorisations(
            tx, keys_of({one.authorisation_id for one in rows if one.authorisation_id})
        )
        accounts = {one.account_id for one in rows if one.account_id}
        accounts |= {one.account_id for one in authorisations.values()}
        payments = {one.transaction_id for one in authorisations.values()}
        records = await list_records(tx, *keys_of(payments))
        alone = {
            _alike(one)
            for one in (_placed(row, authorisations) for row in rows if _is_alone(row))
            if shard_of(one.account_id) is not None
        }
        return cls(
            known=await store.list_references(tx, [one.reference for one in rows]),
            authorisations=authorisations,
            facts=await list_facts(tx, keys_of(accounts)),
            merchants=await list_merchant_categories(tx, [one.merchant_id for one in rows]),
            settled={one.id: one.amount for one in records if one.settled_at is not None},
            alike=await store.list_alike(tx, alone, ALIKE_WINDOW),
            matched=set(await store.list_matched(tx, keys_of(payments))),
        )

    def decide(self, row: ClearingRow) -> ClearingRow:
        """The row with its account and its status, which is pending when it is to be booked."""
        if row.reference in self.known or row.reference in self.seen:
            return replace(row, status="duplicate", reason="reference")
        self.seen.add(row.reference)
        if row.merchant_id not in self.merchants:
            row = replace(row, merchant_id="")
        authorisation = self.authorisations.get(row.authorisation_id)
        reason = self._misfit(row, authorisation)
        if reason:
            return replace(row, account_id="", reason=reason)
        if authorisation is not None:
            row = replace(row, account_id=authorisation.account_id, card_id=authorisation.card_id)
        found = self._found(row, authorisation)
        if found is None:
            return row
        self.matched.add(found)
        # Whatever it was presented for: to book it again would take the money twice.
        differs = row.authorisation_id and self.settled.get(found, -row.amount) != -row.amount
        reason = DIFFERS if differs and row.kind == "presentment" else FOUND
        return replace(
            row, status="matched", reason=reason, booked_on=row.account_id, transaction_id=found
        )

    def _misfit(self, row: ClearingRow, authorisation: Authorisation | None) -> str:
        """Why no account fits a row; empty when one does."""
        if row.authorisation_id and authorisation is None:
            return "no_authorisation"
        account_id = authorisation.account_id if authorisation else row.account_id
        account = self.facts.accounts.get(account_id)
        if account is None or account.type == SUSPENSE_ACCOUNT:
            return "no_account"
        card_id = authorisation.card_id if authorisation else row.card_id
        card = self.facts.cards.get(card_id)
        if card is None or card.account_id != account_id:
            return "no_card"
        says_other = (row.account_id and row.account_id != account_id) or (
            row.card_id and row.card_id != card_id
        )
        if says_other:
            return "contradiction"
        return "" if row.currency == account.currency else "currency"

    def _found(self, row: ClearingRow, authorisation: Authorisation | None) -> str | None:
        """The transaction that the books have of it already, and that no row was found to be."""
        if authorisation is None or _is_alone(row):
            candidates = self.alike.get(_alike(row), [])
            while candidates and candidates[0] in self.matched:
                candidates.pop(0)
            return candidates[0] if candidates else None
        payment = authorisation.transaction_id
        is_open = payment in self.settled and payment not in self.matched
        return payment if authorisation.state == "presented" and is_open else None


def _is_alone(row: ClearingRow) -> bool:
    """Whether no authorisation leads to its transaction: a refund is one of its own."""
    return not row.authorisation_id or row.kind == "refund"


def _placed(row: ClearingRow, authorisations: Mapping[str, Authorisation]) -> ClearingRow:
    """The row with the account that its authorisation names."""
    found = authorisations.get(row.authorisation_id)
    return replace(row, account_id=found.account_id) if found else row


def _alike(row: ClearingRow) -> store.Alike:
    """What a transaction is like that may be this row."""
    if row.kind == "presentment":
        return row.account_id, row.day, -row.amount, "card"
    return row.account_id, row.day, row.amount, "refund"
