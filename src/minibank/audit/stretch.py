"""The audit of a few neighbouring accounts, in one snapshot."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from minibank.audit import store
from minibank.audit.account import AccountAudit
from minibank.audit.checks import check_mark, check_owners
from minibank.audit.corrections.store import CorrectionRow, list_corrections
from minibank.audit.feed.checks import check_feeds
from minibank.audit.findings import AuditReport, Finding
from minibank.audit.marks.marks import BEGINNING, NOTHING_VERIFIED, StoredMark, VerifiedMark
from minibank.audit.marks.store import list_marks, list_moved
from minibank.audit.plan import Plan
from minibank.audit.rows import AuthorisationRow, BalanceRow
from minibank.audit.store import AccountKey, Keys
from minibank.audit.strays.gaps import find_strays
from minibank.audit.subtotals.checks import check_subtotals
from minibank.audit.webhooks.store import WebhookRow, list_webhooks
from minibank.db import ReadTx
from minibank.pots.records import Pot
from minibank.pots.store import list_pots_of


@dataclass(frozen=True, slots=True)
class Stretch:
    """A few neighbours in the order of the accounts: what one snapshot covers.

    `accounts` are those between `after` (excluded) and `until` (included).
    """

    after: AccountKey
    until: AccountKey
    accounts: Sequence[AccountKey]

    @property
    def keys(self) -> Keys:
        """The accounts as a statement takes them."""
        return keys_of(self.accounts)

    @property
    def bounds(self) -> Sequence[AccountKey]:
        """The accounts and the ends, each once and in order."""
        return [self.after, *(self.accounts or [self.until])]


def keys_of(accounts: Sequence[AccountKey]) -> Keys:
    """Accounts as a statement takes them."""
    return [shard for shard, _ in accounts], [one for _, one in accounts]


@dataclass(slots=True)
class StretchAudit:
    """Proves a stretch: what it found, and the `marks` that are to be stored.

    Accounts `in_doubt` get no mark whatever their books say: their feeds or subtotals do not prove.
    """

    tx: ReadTx
    plan: Plan
    stored: Mapping[str, StoredMark]
    report: AuditReport = field(default_factory=AuditReport)
    marks: dict[AccountKey, StoredMark] = field(default_factory=dict)
    webhooks: Mapping[str, Sequence[WebhookRow]] = field(default_factory=dict)
    pots: Mapping[str, Sequence[Pot]] = field(default_factory=dict)
    corrections: dict[str, list[CorrectionRow]] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)

    @classmethod
    async def run(cls, tx: ReadTx, plan: Plan, stretch: Stretch) -> "StretchAudit":
        """Prove a stretch."""
        stored = await list_marks(tx, stretch.keys)
        done = cls(tx, plan, stored)
        await done._run(stretch)
        return done

    async def _run(self, stretch: Stretch) -> None:
        since = {key: self._since(key) for key in stretch.accounts}
        begun = [key for key in stretch.accounts if since[key] is NOTHING_VERIFIED]
        known = [key for key in stretch.accounts if since[key] is not NOTHING_VERIFIED]
        holds = _by_account(
            [
                *await store.list_authorisations(self.tx, keys_of(begun)),
                *await store.list_open_authorisations(self.tx, keys_of(known)),
            ]
        )
        marks = [since[key] for key in known]
        moved = await list_moved(self.tx, keys_of(known), marks)
        balances = await store.list_balances(self.tx, stretch.keys)
        self.webhooks = _by_account(await list_webhooks(self.tx, stretch.keys))
        self.pots = _by_account([own.pot for own in await list_pots_of(self.tx, stretch.keys)])
        changed_from = [since[key].decided_from for key in stretch.accounts]
        self.corrections = _by_account(await list_corrections(self.tx, stretch.keys, changed_from))
        await self._check_feeds(stretch.keys, [since[key] for key in stretch.accounts])
        # What older subtotals say was proved together with the entries.
        news = {key: since[key].chain_length for key in since if key in begun or key[1] in moved}
        await self._check_subtotals(stretch.keys, news)
        for row in balances:
            mark = since[row.shard, row.account_id]
            audit = self._audit_of(row, holds[row.account_id], mark)
            if mark is NOTHING_VERIFIED:
                await self._prove(row, holds[row.account_id])
            else:
                await self._go_on(audit, has_moved=row.account_id in moved)
        await self._check_owners(balances, stretch.keys)
        sets_after = [since[key].sets_after for key in stretch.accounts]
        await self._find_strays(stretch, sets_after)

    def _audit_of(
        self,
        row: BalanceRow,
        holds: Sequence[AuthorisationRow],
        since: VerifiedMark = NOTHING_VERIFIED,
        milestones: frozenset[int] = frozenset(),
    ) -> AccountAudit:
        webhooks, pots = self.webhooks[row.account_id], self.pots[row.account_id]
        corrections = self.corrections[row.account_id]
        return AccountAudit(self.tx, row, holds, webhooks, pots, corrections, since, milestones)

    def _since(self, key: AccountKey) -> VerifiedMark:
        """The mark to go on from; `NOTHING_VERIFIED` when the account is to be begun anew."""
        shard, account_id = key
        known = self.stored.get(account_id)
        if (
            known is None
            or self.plan.starts_over(shard, known.mark.proved_at)
            or not self.plan.seal.believes(account_id, known)
        ):
            return NOTHING_VERIFIED
        return known.mark

    async def _go_on(self, audit: AccountAudit, *, has_moved: bool) -> None:
        """Prove what is new of an account; where there is a doubt, all of it, to say what it is."""
        row = audit.row
        if has_moved or audit.authorisations or audit.corrections:
            await audit.run()
        else:
            audit.check()
        if audit.findings:
            keys = keys_of([(row.shard, row.account_id)])
            found = await list_corrections(self.tx, keys, [BEGINNING])
            self.corrections[row.account_id] = found
            await self._prove(row, await store.list_authorisations(self.tx, keys))
            return
        mark = audit.mark() if has_moved else audit.since
        self._count(audit, mark)
        self._leave(row, mark)

    async def _prove(self, row: BalanceRow, holds: Sequence[AuthorisationRow]) -> None:
        """Prove an account from its first entry set, and hold it against its marks."""
        known, before = self.stored.get(row.account_id), self.plan.before.get(row.account_id)
        lengths = [known.mark.chain_length] if known else []
        lengths += [before.chain_length] if before else []
        audit = self._audit_of(row, holds, milestones=frozenset(lengths))
        await audit.run()
        self.report.accounts_in_full += 1
        self._count(audit, audit.mark())
        self.report.add(*audit.findings)
        if before is not None and before.chain_length:
            head, _ = audit.ledger.seen.get(before.chain_length, (None, None))
            self.report.passed[row.account_id] = head == before.chain_head
        doubts = self._check_mark(known, audit) if known else []
        self.report.add(*doubts)
        if not audit.findings and (not doubts or self.plan.replaces_marks):
            self._leave(row, audit.mark())

    def _check_mark(self, known: StoredMark, audit: AccountAudit) -> list[Finding]:
        account_id = audit.row.account_id
        if self.plan.seal.is_wrong(account_id, known):
            message = "was not written by this bank: its seal is wrong"
            return [Finding("mark.seal", account_id, account_id, message)]
        created_at = [one.created_at for one in audit.new.values()]
        return list(check_mark(known.mark, audit.ledger, created_at))

    def _count(self, audit: AccountAudit, mark: VerifiedMark) -> None:
        report = self.report
        report.accounts += 1
        report.entry_sets += audit.entry_sets + audit.since.chain_length
        report.entry_sets_now += audit.entry_sets
        report.transactions += mark.transactions
        report.add_positions(audit.ledger.own_positions)
        report.marks[audit.row.account_id] = mark

    def _leave(self, row: BalanceRow, mark: VerifiedMark) -> None:
        """Store a mark, unless it is there already under a seal of the key in force."""
        if row.account_id in self.in_doubt:
            return
        known, seal = self.stored.get(row.account_id), self.plan.seal
        if known is not None and known.mark == mark and seal.keys is None:
            return
        news = StoredMark(mark, seal.over(row.account_id, mark))
        if news != known:
            self.marks[row.shard, row.account_id] = news

    async def _check_feeds(self, accounts: Keys, since: Sequence[VerifiedMark]) -> None:
        found = await check_feeds(self.tx, accounts, [mark.decided_from for mark in since])
        self.report.add(*found)
        self.in_doubt |= {finding.account_id for finding in found}

    async def _check_subtotals(self, accounts: Keys, news: Mapping[AccountKey, int]) -> None:
        found = await check_subtotals(self.tx, accounts, news)
        self.report.add(*found)
        self.in_doubt |= {finding.account_id for finding in found}

    async def _check_owners(self, balances: Sequence[BalanceRow], accounts: Keys) -> None:
        found = await store.list_owners(self.tx, accounts)
        memberships = await store.list_memberships(self.tx, found)
        owners = _by_account(found)
        for row in balances:
            self.report.add(*check_owners(row, owners[row.account_id], memberships))

    async def _find_strays(self, stretch: Stretch, sets_after: Sequence[int]) -> None:
        for stray in await store.list_stray_entries(self.tx, stretch.keys, sets_after):
            account_id, number = stray["account_id"], str(stray["sequence"])
            message = "an entry belongs to no entry set"
            self.report.add(Finding("entry.stray", account_id, number, message))
        in_full = self.report.accounts_in_full > 0 or not stretch.accounts
        self.report.add(*await find_strays(self.tx, stretch.bounds, in_full=in_full))


class _OfAccount(Protocol):
    """A row of an account."""

    @property
    def account_id(self) -> str: ...


_Row = TypeVar("_Row", bound=_OfAccount)


def _by_account(rows: Sequence[_Row]) -> defaultdict[str, list[_Row]]:
    found: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.account_id].append(row)
    return found
