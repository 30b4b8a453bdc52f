"""When damage to rows that were verified before is found: by the next audit, or by a full one."""

from tests.support.damage import DAMAGES, DELETIONS, EDITS, STRAYS, label
from tests.support.damaging import Damage

UNNAMED = "insert-authorisations.id-authorisation.outcome"
"""An authorisation that had ended when it was made up: no row leads to it by its account."""

FOUND_ONLY_IN_FULL = {
    "delete-authorisations.-transaction.pending",
    "delete-deliveries.-delivery.missing",
    "delete-deliveries.-webhook.sequence-2",
    "delete-delivery_attempts.-delivery.attempts-1",
    "delete-delivery_attempts.-delivery.attempts-2",
    "delete-entry_sets.-entry.stray-1",
    "delete-entry_sets.-entry.stray-2",
    "delete-feed_items.-feed_dismissal.stray",
    "delete-subtotal_progress.-subtotal.sums",
    "delete-subtotals.-subtotal.sums",
    "delete-transactions.-outcome.transaction-1",
    "delete-transactions.-outcome.transaction-2",
    "delete-transactions.-transaction.missing-1",
    "edit-authorisations.account_id-account.missing",
    "edit-authorisations.card_id-authorisation.card",
    "edit-authorisations.id-authorisation.outcome",
    "edit-authorisations.state-authorisation.due-1",
    "edit-authorisations.state-authorisation.state-2",
    "edit-authorisations.state-transaction.settled-1",
    "edit-authorisations.state-transaction.settled-2",
    "edit-authorisations.transaction_id-authorisation.transaction",
    "edit-deliveries.account_id-delivery.stray",
    "edit-deliveries.attempts-delivery.attempts-1",
    "edit-deliveries.attempts-delivery.attempts-2",
    "edit-deliveries.event-delivery.stray",
    "edit-deliveries.finished_at+state-delivery.state-1",
    "edit-deliveries.finished_at+state-delivery.state-2",
    "edit-deliveries.finished_at-delivery.state",
    "edit-deliveries.payload-delivery.payload-1",
    "edit-deliveries.payload-delivery.payload-2",
    "edit-deliveries.state+finished_at-delivery.state",
    "edit-deliveries.state-delivery.state-1",
    "edit-deliveries.state-delivery.state-2",
    "edit-deliveries.state-delivery.state-3",
    "edit-deliveries.state-delivery.state-4",
    "edit-deliveries.subject-delivery.missing",
    "edit-deliveries.subject-delivery.stray",
    "edit-delivery_attempts.attempt-delivery.attempts-1",
    "edit-delivery_attempts.attempt-delivery.attempts-2",
    "edit-delivery_attempts.sequence-attempt.stray",
    "edit-delivery_attempts.status-delivery.state-1",
    "edit-delivery_attempts.status-delivery.state-2",
    "edit-entry_sets.account_id-entry.stray",
    "edit-entry_sets.booked_at-entry_set.hash",
    "edit-entry_sets.code-entry_set.hash",
    "edit-entry_sets.forced-entry_set.hash",
    "edit-entry_sets.happened_at-entry_set.hash",
    "edit-entry_sets.hash-entry_set.hash",
    "edit-entry_sets.id-entry_set.hash",
    "edit-entry_sets.previous_hash-entry_set.previous_hash",
    "edit-entry_sets.transaction_id-entry_set.hash",
    "edit-feed_dismissals.subject-feed_dismissal.stray",
    "edit-feed_items.client_id-feed_item.client",
    "edit-feed_items.created_at-feed_item.writer",
    "edit-outcomes.command-outcome.answer",
    "edit-outcomes.command_id-outcome.answer-1",
    "edit-outcomes.command_id-outcome.answer-2",
    "edit-outcomes.command_id-outcome.answer-3",
    "edit-outcomes.outcome-outcome.answer-1",
    "edit-outcomes.outcome-outcome.answer-2",
    "edit-outcomes.outcome-outcome.answer-3",
    "edit-outcomes.outcome-outcome.answer-4",
    "edit-outcomes.outcome-outcome.answer-5",
    "edit-outcomes.outcome-outcome.authorisation",
    "edit-outcomes.outcome-outcome.entry_sets-1",
    "edit-outcomes.outcome-outcome.entry_sets-2",
    "edit-outcomes.outcome-outcome.transaction",
    "edit-outcomes.outcome-outcome.unreadable",
    "edit-subtotal_progress.sequence-subtotal.sums",
    "edit-subtotals.address-subtotal.sums",
    "edit-subtotals.amount-subtotal.sums",
    "edit-subtotals.block-subtotal.sums",
    "edit-subtotals.booked_day-subtotal.sums",
    "edit-subtotals.booked_from-subtotal.sums",
    "edit-subtotals.booked_to-subtotal.sums",
    "edit-subtotals.currency-subtotal.sums",
    "edit-subtotals.entry_count-subtotal.sums",
    "edit-subtotals.first_sequence-subtotal.sums",
    "edit-subtotals.happened_day-subtotal.sums",
    "edit-subtotals.happened_from-subtotal.sums",
    "edit-subtotals.happened_to-subtotal.sums",
    "edit-subtotals.last_sequence-subtotal.sums",
    "edit-transactions.account_balance-outcome.answer-1",
    "edit-transactions.account_balance-outcome.answer-2",
    "edit-transactions.account_balance-outcome.answer-3",
    "edit-transactions.account_balance-transaction.balance-1",
    "edit-transactions.account_balance-transaction.balance-2",
    "edit-transactions.account_id-transaction.missing",
    "edit-transactions.amount-transaction.amount-1",
    "edit-transactions.amount-transaction.amount-2",
    "edit-transactions.amount_is_pending-transaction.pending-2",
    "edit-transactions.amount_is_pending-transaction.pending-3",
    "edit-transactions.currency-transaction.currency",
    "edit-transactions.decline_reason-outcome.answer",
    "edit-transactions.decline_reason-transaction.amount-1",
    "edit-transactions.decline_reason-transaction.amount-2",
    "edit-transactions.dedupe_id-outcome.answer",
    "edit-transactions.id-transaction.missing",
    "edit-transactions.include_in_spending-transaction.spending-1",
    "edit-transactions.include_in_spending-transaction.spending-2",
    "edit-transactions.include_in_spending-transaction.spending-3",
    "edit-transactions.kind-transaction.kind-1",
    "edit-transactions.kind-transaction.kind-2",
    "edit-transactions.kind-transaction.kind-3",
    "edit-transactions.local_amount-transaction.local-1",
    "edit-transactions.local_amount-transaction.local-2",
    "edit-transactions.settled_at-transaction.settled-1",
    "edit-transactions.settled_at-transaction.settled-2",
    "edit-transactions.settled_at-transaction.settled-4",
    "edit-transactions.settled_at-transaction.settled-5",
    "insert-authorisations.id-authorisation.outcome",
    "insert-delivery_attempts.attempt-delivery.attempts",
    "insert-delivery_attempts.sequence-attempt.stray",
    "insert-feed_dismissals.subject-feed_dismissal.stray",
    "insert-outcomes.command_id-outcome.answer",
    "insert-subtotals.block-subtotal.sums",
    "insert-transactions.id-transaction.amount",
    "insert-transactions.id-transaction.outcome",
}
"""Damage to rows that were verified before, which the next audit passes over."""


def guide_table() -> list[str]:
    """What the guide says of damage to rows that were verified before, line by line."""
    lines = ["| rows | edited | deleted | added |", "| --- | --- | --- | --- |"]
    for table in sorted({damage.table for damage in DAMAGES}):
        words = [_when(table, damages) for damages in (EDITS, DELETIONS, STRAYS)]
        lines.append(f"| `{table}` | {' | '.join(words)} |")
    return lines


def _when(table: str, damages: list[Damage]) -> str:
    late = {label(one) in FOUND_ONLY_IN_FULL for one in damages if one.table == table}
    # An entry's own amount is damaged in a test of its own, which knows the set that it is in.
    late |= {True} if table == "entries" and damages is EDITS else set()
    if not late:
        return ""
    return "in part" if len(late) > 1 else "with `--full`" if late == {True} else "at once"
