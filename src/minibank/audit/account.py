"""The audit of one account: from its first entry set, or from where it was verified before."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from minibank.audit import store
from minibank.audit.chain_walk import Ledger
from minibank.audit.checks import check_balance, check_holds, missing_transactions
from minibank.audit.corrections.checks import check_corrections
from minibank.audit.corrections.store import CorrectionRow
from minibank.audit.findings import Finding
from minibank.audit.marks.marks import NOTHING_VERIFIED, VerifiedMark
from minibank.audit.outcome_checks import Answers
from minibank.audit.pots.checks import check_pots
from minibank.audit.rows import AuthorisationRow, BalanceRow, OutcomeRow, TransactionRow
from minibank.audit.transaction_checks import check_transaction
from minibank.audit.webhooks.checks import History, check_end, check_outbox, check_webhook
from minibank.audit.webhooks.store import WebhookRow
from minibank.db import ReadTx
from minibank.payments.store import keys_of
from minibank.pots.records import Pot


@dataclass(slots=True)
class AccountAudit:
    """Proves one account within one snapshot: make it, `run` it, read what it found.

    It goes on from `since`. `holds` are all its authorisations, or those that are open when it goes
    on from a mark. `webhooks` and `pots` are all it has or had, `corrections` those that are open
    or new.
    `milestones` are lengths of its chain that the ledger is to keep.
    """

    tx: ReadTx
    row: BalanceRow
    holds: Iterable[AuthorisationRow]
    webhooks: Sequence[WebhookRow]
    pots: Sequence[Pot]
    corrections: Sequence[CorrectionRow]
    since: VerifiedMark = NOTHING_VERIFIED
    milestones: frozenset[int] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    entry_sets: int = 0
    ledger: Ledger = field(init=False)
    new: dict[str, TransactionRow] = field(default_factory=dict)
    transactions: dict[str, TransactionRow] = field(default_factory=dict)
    authorisations: dict[str, AuthorisationRow] = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.row.account_id, self.row.currency, self.milestones)
        self.ledger.go_on_from(self.since)
        self.authorisations = {one.id: one for one in self.holds}

    @property
    def newest(self) -> int:
        """When the newest transaction was created; 0 without any."""
        return max((one.created_at for one in self.new.values()), default=0) or (
            self.since.last_created_at
        )

    @property
    def goes_on(self) -> bool:
        """Whether some of the account was verified before."""
        return self.since is not NOTHING_VERIFIED

    def _outcomes(self) -> AsyncIterator[list[OutcomeRow]]:
        account = self.row.shard, self.row.account_id
        if self.goes_on:
            return store.walk_outcomes_since(self.tx, *account, self.since.decided_from)
        return store.walk_outcomes(self.tx, *account)

    async def run(self) -> None:
        """Read what is new, what it belongs to, and what may still change; prove it."""
        await self._walk()
        answers = Answers(self.ledger, self.transactions, self.authorisations, self.new)
        async for page in self._outcomes():
            if self.goes_on:
                await self._recall_named(page)
            for outcome in page:
                self.findings += answers.take(outcome)
        if self.goes_on:
            await self._recall()
        self.check()
        self.findings += answers.finish()
        if others := [one.other_id for one in answers.transfers]:
            amounts = await store.list_amounts(self.tx, keys_of(others))
            self.findings += answers.compare_transfers(amounts)
        history = History(self.new, answers.decided_at, self.goes_on)
        account = self.row.shard, self.row.account_id
        async for finding in check_outbox(self.tx, account, self.webhooks, history):
            self.findings.append(finding)

    async def _walk(self) -> None:
        shard, account_id = self.row.shard, self.row.account_id
        async for entry_set in store.walk_entry_sets(
            self.tx, shard, account_id, self.since.sets_after
        ):
            self.entry_sets += 1
            self.findings += self.ledger.add(entry_set)
        async for one in store.walk_transactions(
            self.tx, shard, account_id, self.since.created_after
        ):
            self.new[one.id] = self.transactions[one.id] = one

    async def _recall_named(self, page: Iterable[OutcomeRow]) -> None:
        """Read the older transactions and authorisations that answers speak of."""
        outcomes = [row.outcome for row in page if row.outcome is not None]
        sides = [(one.transaction_id, one.payee_transaction_id) for one in outcomes]
        await self._recall_transactions(one for side in sides for one in side if one)
        named = {one.authorisation_id for one in outcomes if one.authorisation_id}
        if unknown := sorted(named - self.authorisations.keys()):
            for row in await store.list_named_authorisations(
                self.tx, self.row.shard, self.row.account_id, unknown
            ):
                self.authorisations[row.id] = row

    async def _recall_transactions(self, ids: Iterable[str]) -> None:
        if unknown := sorted(set(ids) - self.transactions.keys()):
            for row in await store.list_transactions(
                self.tx, self.row.shard, self.row.account_id, unknown
            ):
                self.transactions[row.id] = row

    async def _recall(self) -> None:
        """Read what else is older and still of interest, and all that it has moved."""
        held = (one.transaction_id for one in self.authorisations.values())
        corrected = (name for one in self.corrections for name in one.names)
        await self._recall_transactions([*self.ledger.movements, *held, *corrected])
        older = sorted(self.transactions.keys() - self.new.keys())
        if older:
            for entry_set in await store.list_earlier_sets(
                self.tx, self.row.shard, self.row.account_id, older, self.since.chain_length
            ):
                self.findings += self.ledger.recall(entry_set)

    def check(self) -> None:
        """Prove what has been read; by itself, an account in which nothing has moved."""
        authorised = {one.transaction_id: one for one in self.authorisations.values()}
        for transaction in self.transactions.values():
            self.findings += check_transaction(
                transaction, self.ledger, authorised.get(transaction.id)
            )
        self.findings += check_balance(self.row, self.ledger, self.newest)
        self.findings += check_holds(self.authorisations.values(), self.ledger, self.transactions)
        self.findings += missing_transactions(self.ledger, self.transactions)
        self.findings += check_pots(self.pots, self.ledger)
        self.findings += check_corrections(
            self.corrections, self.ledger, self.transactions, self.new
        )
        for webhook in self.webhooks:
            self.findings += check_webhook(webhook)
            if self.goes_on:
                self.findings += check_end(webhook)

    def mark(self) -> VerifiedMark:
        """Where the account's books end now."""
        return VerifiedMark(
            self.ledger.length,
            self.ledger.head,
            self.since.transactions + len(self.new),
            last_created_at=self.newest,
            sums=self.ledger.sums,
            verified_at=self.tx.now,
            proved_at=self.since.proved_at if self.goes_on else self.tx.now,
        )
