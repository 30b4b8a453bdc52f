"""Ways to damage a bank, row by row.

What no other row tells of cannot be proved and is not damaged: texts for people, the digest and the
issuer of a command, the local amount of a payment abroad, the amount of a declined payment, and the
lease of a piece of due work.
"""

from itertools import groupby

from tests.support import damage_rails
from tests.support.damaging import (
    NO_TRANSACTION,
    NOBODY,
    NOON,
    OTHER_HASH,
    Damage,
    answer,
    flipped,
    later,
    less,
    more,
)
from tests.support.saboteur import Saboteur, Values

ANY_MOVED = "amount <> 0 AND decline_reason IS NULL"
PENDING = "amount_is_pending = 1 AND amount = -250"
CHECK_THAT_GREW = "amount_is_pending = 1 AND amount = -130"
SETTLED = "kind = 'card' AND settled_at IS NOT NULL AND amount <> 0"
DECLINED = "decline_reason IS NOT NULL AND amount <> 0"
DECLINED_CARD = f"""{DECLINED} AND kind = 'card' AND (shard, id) NOT IN
                    (SELECT shard, transaction_id FROM entry_sets)"""
HELD = "state = 'open' AND held > 0"
UNDONE = """state = 'reversed' AND (shard, transaction_id) IN
            (SELECT shard, transaction_id FROM entry_sets)"""
CHECKED = "state = 'open' AND held = 0"
HOLD_EXPIRY = "kind = 'authorisation_expiry'"
FULL = "balance > 0"
TIMED = "lock_type = 'until_date'"
KEPT = "kind = 'webhook_deliveries'"
TOLD = "removed_at IS NULL AND next_sequence > 1"
PAYER_SIDE = "command = 'transfer_between' AND command_id NOT LIKE '%/credit'"
PAYEE_SIDE = "command = 'transfer_between' AND command_id LIKE '%/credit'"

EDITS = [
    Damage("balance.booked", "balances", changes={"booked": more}),
    Damage("balance.held", "balances", changes={"held": more}),
    Damage("balance.created", "balances", changes={"last_created_at": more}),
    Damage("balance.created", "balances", changes={"last_created_at": less}),
    Damage("balance.chain", "balances", changes={"chain_length": more}),
    Damage("balance.chain", "balances", changes={"chain_head": OTHER_HASH}),
    Damage("balance.limit", "balances", "overdraft_limit = 500", {"overdraft_limit": 299}),
    Damage("balance.missing", "balances", changes={"account_id": NOBODY}),
    Damage("entry.stray", "entry_sets", changes={"account_id": NOBODY}, subject="sequence"),
    Damage("entry_set.sequence", "entry_sets", changes={"sequence": 10**6}),
    Damage("entry_set.hash", "entry_sets", changes={"id": "entryset_other"}, names_new=True),
    Damage("entry_set.hash", "entry_sets", changes={"code": "gift"}),
    Damage("entry_set.hash", "entry_sets", changes={"transaction_id": NO_TRANSACTION}),
    Damage("entry_set.hash", "entry_sets", changes={"forced": flipped}),
    Damage("entry_set.hash", "entry_sets", changes={"happened_at": more}),
    Damage("entry_set.hash", "entry_sets", changes={"booked_at": more}),
    Damage("entry_set.previous_hash", "entry_sets", changes={"previous_hash": OTHER_HASH}),
    Damage("entry_set.hash", "entry_sets", changes={"hash": OTHER_HASH}),
    Damage("entry.stray", "entries", changes={"sequence": 10**6}, names_new=True),
    Damage("account.missing", "entries", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("transaction.missing", "transactions", ANY_MOVED, {"id": NO_TRANSACTION}),
    Damage("transaction.missing", "transactions", ANY_MOVED, {"account_id": NOBODY}),
    Damage("transaction.created", "transactions", changes={"created_at": later}),
    Damage("transaction.settled", "transactions", SETTLED, {"settled_at": None}),
    Damage("transaction.settled", "transactions", SETTLED, {"settled_at": NOON - 1}),
    Damage("transaction.settled", "transactions", PENDING, {"settled_at": NOON + 10**6}),
    Damage("transaction.settled", "transactions", DECLINED, {"settled_at": NOON + 10**6}),
    Damage("transaction.settled", "transactions", "kind = 'top_up'", {"settled_at": None}),
    Damage("transaction.kind", "transactions", "kind = 'refund'", {"kind": "top_up"}),
    Damage("transaction.kind", "transactions", "kind = 'top_up'", {"kind": "card"}),
    Damage("transaction.kind", "transactions", DECLINED_CARD, {"kind": "refund"}),
    Damage("transaction.amount", "transactions", ANY_MOVED, {"amount": less}),
    Damage("transaction.amount", "transactions", "kind = 'card' AND amount = 0", {"amount": less}),
    Damage("transaction.currency", "transactions", changes={"currency": "EUR"}),
    Damage("transaction.local", "transactions", "local_currency = 'GBP'", {"local_amount": less}),
    Damage("transaction.local", "transactions", f"{SETTLED} AND local_currency = 'EUR'",
           {"local_amount": abs}),
    Damage("transaction.balance", "transactions", SETTLED, {"account_balance": more}),
    Damage("transaction.balance", "transactions", PENDING, {"account_balance": more}),
    Damage("outcome.answer", "transactions", CHECK_THAT_GREW, {"account_balance": more},
           subject="dedupe_id"),
    Damage("outcome.answer", "transactions", DECLINED, {"account_balance": more},
           subject="dedupe_id"),
    Damage("outcome.answer", "transactions", "kind = 'card' AND amount = 0",
           {"account_balance": more}, subject="dedupe_id"),
    Damage("outcome.answer", "transactions", "kind = 'top_up'", {"dedupe_id": "other"},
           subject="dedupe_id"),
    Damage("transaction.spending", "transactions", DECLINED, {"include_in_spending": 1}),
    Damage("transaction.spending", "transactions", SETTLED, {"include_in_spending": 0}),
    Damage("transaction.spending", "transactions",
           "amount = 0 AND settled_at IS NULL AND amount_is_pending = 0 AND decline_reason IS NULL",
           {"include_in_spending": 1}),
    Damage("transaction.pending", "transactions", PENDING, {"amount_is_pending": 0}),
    Damage("transaction.pending", "transactions", SETTLED, {"amount_is_pending": 1}),
    Damage("transaction.pending", "transactions", DECLINED, {"amount_is_pending": 1}),
    Damage("transaction.amount", "transactions", SETTLED, {"decline_reason": "OTHER"}),
    Damage("transaction.amount", "transactions", DECLINED, {"decline_reason": None}),
    Damage("outcome.answer", "transactions", DECLINED, {"decline_reason": "CARD_BLOCKED"},
           subject="dedupe_id"),
    Damage("authorisation.held", "authorisations", HELD, {"held": more}),
    Damage("authorisation.state", "authorisations", HELD, {"state": "presented"}),
    Damage("authorisation.due", "authorisations", CHECKED, {"state": "expired"}),
    Damage("authorisation.due", "authorisations", "state = 'presented'", {"state": "open"}),
    Damage("transaction.settled", "authorisations", "state = 'presented'", {"state": "expired"},
           subject="transaction_id"),
    Damage("transaction.settled", "authorisations", "state = 'reversed'", {"state": "presented"},
           subject="transaction_id"),
    Damage("authorisation.state", "authorisations", UNDONE, {"state": "expired"}),
    Damage("authorisation.due", "authorisations", HELD, {"expires_at": more}),
    Damage("authorisation.card", "authorisations", changes={"card_id": "card_other"}),
    Damage("authorisation.transaction", "authorisations",
           changes={"transaction_id": NO_TRANSACTION}),
    Damage("account.missing", "authorisations", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.outcome", "authorisations", changes={"id": "auth_other"},
           names_new=True),
    Damage("outcome.unreadable", "outcomes", changes={"outcome": "{"}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'", {"outcome": answer(balance=1)}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'",
           {"outcome": answer(status="declined")}),
    Damage("outcome.answer", "outcomes", "outcome LIKE '%declined%'",
           {"outcome": answer(status="done")}),
    Damage("outcome.answer", "outcomes", "command = 'top_up'",
           {"outcome": answer(decline_reason="OTHER")}),
    Damage("outcome.answer", "outcomes", "command = 'authorise_card' AND outcome LIKE '%declined%'",
           {"outcome": answer(entry_sets=[1])}),
    Damage("outcome.entry_sets", "outcomes", "command = 'top_up'",
           {"outcome": answer(entry_sets=[10**6])}),
    Damage("outcome.entry_sets", "outcomes", PAYEE_SIDE,
           {"outcome": answer(payee_entry_sets=[1, 2])}),
    Damage("outcome.transaction", "outcomes", "command = 'top_up'",
           {"outcome": answer(transaction_id=NO_TRANSACTION)}),
    Damage("outcome.authorisation", "outcomes", "command = 'increment_authorisation'",
           {"outcome": answer(authorisation_id="auth_other")}),
    Damage("outcome.answer", "outcomes", "command = 'authorise_card'", {"command_id": "other"},
           names_new=True),
    Damage("outcome.answer", "outcomes", PAYER_SIDE, {"command_id": "other"}, names_new=True),
    Damage("outcome.answer", "outcomes", PAYEE_SIDE, {"command_id": "other"}, names_new=True),
    Damage("outcome.answer", "outcomes", "command = 'increment_authorisation'",
           {"command": "top_up"}),
    Damage("account.missing", "outcomes", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.due", "due_work", HOLD_EXPIRY, {"due_at": more}),
    Damage("authorisation.due", "due_work", HOLD_EXPIRY, {"kind": "other"}),
    Damage("authorisation.due", "due_work", HOLD_EXPIRY, {"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", HOLD_EXPIRY, {"account_id": NOBODY}),
    Damage("due_work.stray", "due_work", HOLD_EXPIRY, {"subject": "auth_other"}, names_new=True),
    Damage("due_work.stray", "due_work", KEPT, {"subject": "webhook_other"}, names_new=True),
    Damage("retention.unplanned", "due_work", KEPT, {"subject": "webhook_other"}),
    Damage("retention.unplanned", "due_work", KEPT, {"kind": "other"}),
    Damage("feed_item.writer", "feed_items", changes={"created_at": later}),
    Damage("feed_item.client", "feed_items", changes={"client_id": "oauth2client_other"}),
    Damage("account.missing", "feed_items", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("feed_dismissal.stray", "feed_dismissals", changes={"subject": "feeditem_other"},
           names_new=True),
    Damage("webhook.sequence", "webhooks", TOLD, {"next_sequence": more}),
    Damage("webhook.sequence", "webhooks", TOLD, {"kept_from": more}),
    Damage("webhook.sequence", "webhooks", "kept_from > 1", {"kept_from": less}),
    Damage("webhook.kept", "webhooks", TOLD, {"kept_from": 0}),
    Damage("webhook.kept", "webhooks", TOLD, {"kept_from": 10**6}),
    Damage("webhook.events", "webhooks", TOLD, {"events": "["}),
    Damage("webhook.client", "webhooks", changes={"client_id": "oauth2client_other"}),
    Damage("webhook.removed", "webhooks", TOLD, {"url": ""}),
    Damage("webhook.removed", "webhooks", TOLD, {"removed_at": NOON}),
    Damage("webhook.removed", "webhooks", "removed_at IS NOT NULL", {"removed_at": None}),
    Damage("webhook.removed", "webhooks", "removed_at IS NOT NULL", {"ends_after": None}),
    Damage("account.missing", "webhooks", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("delivery.stray", "deliveries", changes={"webhook_id": "webhook_other"}),
    Damage("delivery.stray", "deliveries", changes={"account_id": NOBODY}),
    Damage("delivery.stray", "deliveries", changes={"event": "balance.updated"}),
    Damage("delivery.stray", "deliveries", changes={"subject": NO_TRANSACTION}),
    Damage("delivery.missing", "deliveries", "sequence > 3", changes={"subject": NO_TRANSACTION},
           subject="subject"),
    Damage("delivery.payload", "deliveries", changes={"payload": b"{}"}),
    Damage("delivery.payload", "deliveries", changes={"payload": b"\xff"}),
    Damage("webhook.sequence", "deliveries", changes={"sequence": 10**6}, subject="webhook_id"),
    Damage("delivery.state", "deliveries", "state = 'pending'", {"state": "delivered"}),
    Damage("delivery.state", "deliveries", "state = 'cancelled'", {"state": "pending"}),
    Damage("delivery.state", "deliveries", "state = 'cancelled'",
           {"state": "pending", "finished_at": None}),
    Damage("delivery.state", "deliveries", "state = 'pending'", {"finished_at": NOON}),
    Damage("delivery.state", "deliveries", "state = 'pending'",
           {"finished_at": NOON, "state": "delivered"}),
    Damage("delivery.state", "deliveries", "state = 'pending' AND attempts = 0",
           {"finished_at": NOON, "state": "failed"}),
    Damage("delivery.state", "deliveries", "state = 'delivered'", {"state": "failed"}),
    Damage("delivery.state", "deliveries", "state = 'failed'", {"state": "delivered"}),
    Damage("delivery.attempts", "deliveries", changes={"attempts": more}),
    Damage("delivery.attempts", "deliveries", "attempts = 1", {"attempts": less}),
    Damage("delivery.attempts", "delivery_attempts", "attempt = 1", {"attempt": 3}),
    Damage("delivery.attempts", "delivery_attempts", "attempt = 1", {"attempt": 0}),
    Damage("delivery.state", "delivery_attempts", "status = 200", {"status": 503}),
    Damage("delivery.state", "delivery_attempts", "status = 410", {"status": 204}),
    Damage("attempt.stray", "delivery_attempts", changes={"sequence": 10**6},
           subject="webhook_id"),
    Damage("attempt.stray", "delivery_attempts", changes={"webhook_id": "webhook_other"},
           names_new=True, subject="webhook_id"),
    Damage("account.owners", "owners", "position = 0", {"position": 2}, subject="account_id"),
    Damage("owner.membership", "owners", changes={"user_id": "user_0000B3wV5n0FxAjLRtSlPc"},
           names_new=True),
    Damage("owner.membership", "memberships", changes={"account_id": NOBODY}),
    *(Damage("subtotal.sums", "subtotals", changes={column: more})
      for column in ("amount", "entry_count", "first_sequence", "last_sequence", "booked_day",
                     "happened_day", "booked_from", "booked_to", "happened_from", "happened_to",
                     "block")),
    Damage("subtotal.sums", "subtotals", changes={"currency": "EUR"}),
    Damage("subtotal.sums", "subtotals", changes={"address": "scheme:gift"}),
    Damage("account.missing", "subtotals", changes={"account_id": NOBODY}, names_new=True),
    Damage("subtotal.sums", "subtotal_progress", changes={"sequence": less}),
    Damage("subtotal.progress", "subtotal_progress", changes={"sequence": 10**6}),
    Damage("account.missing", "subtotal_progress", changes={"account_id": NOBODY},
           names_new=True),
    *damage_rails.EDITS,
    Damage("account.missing", "accounts", changes={"id": NOBODY}),
    Damage("account.owners", "accounts", "type = 'uk_retail'", {"type": "uk_retail_joint"}),
    Damage("pot.balance", "pots", FULL, {"balance": more}),
    Damage("pot.balance", "pots", "deleted_at IS NOT NULL", {"balance": 300}),
    Damage("pot.missing", "pots", FULL, {"id": "pot_other"}),
    Damage("pot.deleted", "pots", FULL, {"deleted_at": NOON}),
    Damage("pot.updated", "pots", "deleted_at IS NOT NULL", {"deleted_at": less}),
    Damage("pot.updated", "pots", changes={"updated_at": 1}),
    Damage("pot.lock", "pots", TIMED, {"locked_until": None}),
    Damage("pot.lock", "pots", TIMED, {"lock_type": "added_security"}),
    Damage("account.missing", "pots", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("transaction.spending", "transactions", "kind = 'pot_deposit'",
           {"include_in_spending": 1}),
    Damage("transaction.kind", "transactions", "kind = 'pot_deposit'", {"kind": "transfer_out"}),
    Damage("outcome.transaction", "outcomes", "command = 'deposit_into_pot'",
           {"outcome": answer(transaction_id=None)}),
]  # fmt: skip

DELETIONS = [
    Damage("balance.missing", "balances"),
    Damage("entry.stray", "entry_sets", "sequence = 1", subject="sequence"),
    Damage("entry.stray", "entry_sets", "sequence = 10", subject="sequence"),
    Damage("transaction.missing", "transactions", SETTLED),
    Damage("transaction.missing", "transactions", PENDING),
    Damage("outcome.transaction", "transactions", DECLINED, subject="dedupe_id"),
    Damage("outcome.transaction", "transactions", "amount = 0 AND dedupe_id <> ''",
           subject="dedupe_id"),
    Damage("transaction.held", "authorisations", HELD, subject="transaction_id"),
    Damage("transaction.pending", "authorisations", CHECKED, subject="transaction_id"),
    Damage("authorisation.due", "due_work", HOLD_EXPIRY),
    Damage("retention.unplanned", "due_work", KEPT),
    Damage("feed_dismissal.stray", "feed_items", "expires_at IS NULL"),
    Damage("delivery.missing", "deliveries", "sequence > 3", subject="subject"),
    Damage("webhook.sequence", "deliveries", subject="webhook_id"),
    Damage("webhook.sequence", "deliveries", "sequence = 7", subject="webhook_id"),
    Damage("attempt.stray", "deliveries", "attempts > 0", subject="webhook_id"),
    Damage("delivery.attempts", "delivery_attempts", "attempt = 1"),
    Damage("delivery.attempts", "delivery_attempts", "attempt = 2"),
    Damage("subtotal.sums", "subtotals"),
    Damage("subtotal.sums", "subtotal_progress"),
    Damage("account.owners", "owners", subject="account_id"),
    Damage("account.owners", "owners", "position = 1", subject="account_id"),
    Damage("owner.membership", "memberships"),
    *damage_rails.DELETIONS,
    Damage("account.missing", "accounts"),
    Damage("pot.missing", "pots", FULL),
]  # fmt: skip

STRAYS = [
    Damage("subtotal.sums", "subtotals", changes={"block": 10**6}),
    *(Damage("account.missing", table, changes={"account_id": NOBODY}, names_new=True)
      for table in ("subtotals", "subtotal_progress")),
    Damage("account.missing", "balances", changes={"account_id": NOBODY}, names_new=True),
    Damage("entry_set.empty", "entry_sets", changes={"sequence": 10**6}),
    Damage("account.missing", "entry_sets", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("entry.stray", "entries", changes={"sequence": 10**6}, names_new=True),
    Damage("transaction.amount", "transactions", SETTLED, {"id": NO_TRANSACTION},
           names_new=True),
    Damage("transaction.outcome", "transactions", DECLINED, {"id": NO_TRANSACTION},
           names_new=True),
    Damage("account.missing", "transactions",
           changes={"id": NO_TRANSACTION, "account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("authorisation.held", "authorisations", HELD, {"id": "auth_other"}, names_new=True),
    Damage("authorisation.outcome", "authorisations", "state = 'presented'",
           {"id": "auth_other"}, names_new=True),
    Damage("outcome.answer", "outcomes", "command = 'top_up'", {"command_id": "other"},
           names_new=True),
    Damage("account.missing", "outcomes", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("due_work.stray", "due_work", HOLD_EXPIRY, {"subject": "auth_new"}, names_new=True),
    Damage("due_work.stray", "due_work", KEPT, {"subject": "webhook_new"}, names_new=True),
    *(Damage("account.missing", table, changes={"account_id": NOBODY} | other, names_new=True,
             subject="account_id")
      for table, other in (("feed_items", {"id": "feeditem_other"}), ("feed_writers", {}),
                           ("feed_keys", {}), ("feed_dismissals", {"subject": "other"}),
                           ("webhooks", {"id": "webhook_other"}))),
    Damage("account.missing", "deliveries",
           changes={"account_id": NOBODY, "id": "delivery_other", "sequence": 10**6},
           names_new=True, subject="account_id"),
    Damage("feed_dismissal.stray", "feed_dismissals", changes={"subject": "feeditem_new"},
           names_new=True),
    Damage("delivery.stray", "deliveries", changes={"id": "delivery_other", "sequence": 10**6},
           names_new=True),
    Damage("delivery.attempts", "delivery_attempts", changes={"attempt": 10**6}),
    Damage("attempt.stray", "delivery_attempts", changes={"sequence": 10**5},
           subject="webhook_id"),
    Damage("attempt.stray", "delivery_attempts", changes={"webhook_id": "webhook_new"},
           names_new=True, subject="webhook_id"),
    Damage("attempt.stray", "delivery_attempts", changes={"shard": 10**6}, subject="webhook_id"),
    Damage("account.owners", "owners",
           changes={"user_id": "user_0000B3wV5n0FxAjLRtSlPc", "position": 1},
           subject="account_id"),
    *damage_rails.STRAYS,
    Damage("account.missing", "owners", changes={"account_id": NOBODY}, names_new=True,
           subject="account_id"),
    Damage("account.missing", "cards", changes={"id": "card_other", "account_id": NOBODY},
           names_new=True, subject="account_id"),
    Damage("pot.balance", "pots", FULL, {"id": "pot_other"}, names_new=True),
    Damage("account.missing", "pots", changes={"id": "pot_other", "account_id": NOBODY},
           names_new=True, subject="account_id"),
]  # fmt: skip


def deed(damage: Damage) -> str:
    """What is done to a row: `edit`, `delete` or `insert`; one and the same change may be two."""
    lists = {"edit": EDITS, "delete": DELETIONS, "insert": STRAYS}
    [kind] = (kind for kind, damages in lists.items() if any(one is damage for one in damages))
    return kind


def _short(damage: Damage) -> str:
    kind = deed(damage)
    return f"{kind}-{damage.table}.{'+'.join(damage.changes)}-{damage.code}"


DAMAGES = [*EDITS, *DELETIONS, *STRAYS]
_ALIKE = {short: list(same) for short, same in groupby(sorted(DAMAGES, key=_short), key=_short)}


def label(damage: Damage) -> str:
    """A name for one way to damage a bank."""
    short = _short(damage)
    alike = _ALIKE[short]
    return short if len(alike) == 1 else f"{short}-{alike.index(damage) + 1}"


async def do_damage(saboteur: Saboteur, damage: Damage, row: Values) -> None:
    """Damage a row that was picked, or add one that looks like it."""
    kind = deed(damage)
    if kind == "edit":
        await saboteur.update(damage.table, row, damage.changed(row))
    elif kind == "delete":
        await saboteur.delete(damage.table, row)
    else:
        await saboteur.insert(damage.table, row | damage.changed(row))


async def expected(saboteur: Saboteur, damage: Damage, row: Values) -> tuple[str, str]:
    """The finding that must be among the audit's; attempts are named by their delivery."""
    if damage.table != "delivery_attempts" or damage.subject:
        return damage.expected(row)
    where = f"webhook_id = '{row['webhook_id']}' AND sequence = {row['sequence']}"
    return damage.code, str((await saboteur.pick("deliveries", where))["id"])


_NEW = {
    "entry_sets": "booked_at >= {NOON}",
    "entries": """(shard, account_id, sequence) IN (SELECT shard, account_id, sequence
                  FROM entry_sets WHERE booked_at >= {NOON})""",
    "transactions": "created_at >= {NOON}",
    "authorisations": """(shard, transaction_id) IN (SELECT shard, id
                         FROM transactions WHERE created_at >= {NOON})""",
    "outcomes": "decided_at >= {NOON}",
    "corrections": "changed_at >= {NOON}",
    "refunds": "booked_at >= {NOON}",
    "due_work": """(kind = 'webhook_deliveries' OR (shard, subject) IN
                   (SELECT a.shard, a.id FROM authorisations a
                   JOIN transactions t ON t.shard = a.shard AND t.id = a.transaction_id
                   WHERE t.created_at >= {NOON}
                   UNION ALL SELECT c.shard, c.transaction_id FROM corrections c
                   WHERE c.changed_at >= {NOON}))""",
}


def new_rows(table: str) -> str:
    """A condition on the rows of a table that were written from NOON on, if that can be told."""
    return _NEW.get(table, "1 = 1").replace("{NOON}", str(NOON))
