"""Every column in which something about a person may stand, and what becomes of it.

A table of customers that is not here, or a column of text or bytes, fails a test until somebody
decides. The reference page is made of this.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Fate = Literal["erased", "pseudonymous", "kept"]
"""What an erasure does with a column: empties it or deletes its row; leaves an id or a digest that
leads to nobody any more; leaves what the bank must keep or what says nothing about a person."""


class Column(msgspec.Struct, frozen=True):
    """What becomes of a column, and why, or how."""

    fate: Fate
    why: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A table: the record of the export that shows it, or why none does, and its columns.

    Columns of numbers are not listed: instants and amounts stay for as long as their row.
    """

    shown_as: str = ""
    not_shown: str = ""
    columns: Mapping[str, Column]


_USER = Column("pseudonymous", "the id of nobody who can be found")
_ACCOUNT = Column("pseudonymous", "the account's id, to which the entries lead")
_CLIENT = Column("kept", "names a program")
_ROW_GOES = Column("erased", "the row is deleted")
_BOOKS = Column("kept", "the books, which prove themselves")
_STATE = Column("kept", "one of a few words")
_NUMBER = Column("pseudonymous", "numbers are never given to another account")
_FORGOTTEN = Column("erased", "emptied; also where others' webhooks were told of the erased person")
_AMOUNTS = Column("kept", "says how much in which currency")

INVENTORY: Mapping[str, Held] = {
    "email_claims": Held(
        shown_as="email_claim", columns={"email_key": _ROW_GOES, "user_id": _ROW_GOES}
    ),
    "account_number_claims": Held(
        not_shown="the same numbers stand in the account",
        columns={"sort_code": _NUMBER, "account_number": _NUMBER, "account_id": _ACCOUNT},
    ),
    "users": Held(
        shown_as="person",
        columns={
            "id": _USER,
            "email": Column("erased", "emptied when all else is gone"),
            "name": Column("erased", "emptied when all else is gone"),
            "preferred_first_name": Column("erased", "emptied when all else is gone"),
        },
    ),
    "passwords": Held(shown_as="password", columns={"user_id": _ROW_GOES, "hash": _ROW_GOES}),
    "memberships": Held(shown_as="account", columns={"user_id": _USER, "account_id": _ACCOUNT}),
    "token_pairs": Held(
        shown_as="token_pair",
        columns=dict.fromkeys(
            (
                *("user_id", "client_id", "access_digest", "refresh_digest"),
                *("previous_access_digest", "previous_refresh_digest"),
            ),
            _ROW_GOES,
        ),
    ),
    "former_tokens": Held(
        shown_as="former_token",
        columns=dict.fromkeys(
            ("digest", "kind", "reason", "user_id", "client_id", "successor_digest"), _ROW_GOES
        ),
    ),
    "password_failures": Held(
        shown_as="failed_guesses",
        columns={
            "subject": Column("pseudonymous", "a digest; the row ends by itself with its window")
        },
    ),
    "accounts": Held(
        shown_as="account",
        columns={
            "id": _ACCOUNT,
            "type": _STATE,
            "state": Column("kept", "closed"),
            "currency": _AMOUNTS,
            "sort_code": _NUMBER,
            "account_number": _NUMBER,
            "iban": _NUMBER,
        },
    ),
    "owners": Held(
        shown_as="account",
        columns={
            "account_id": _ACCOUNT,
            "user_id": _USER,
            "name": Column("erased", "emptied"),
            "preferred_first_name": Column("erased", "emptied"),
        },
    ),
    "balances": Held(shown_as="account", columns={"account_id": _ACCOUNT, "chain_head": _BOOKS}),
    "cards": Held(
        shown_as="card",
        columns={
            "id": Column("pseudonymous", "the card's id, to which authorisations lead"),
            "account_id": _ACCOUNT,
            "user_id": _USER,
            "state": Column("kept", "blocked"),
            "last_four": Column("erased", "emptied"),
        },
    ),
    "pots": Held(
        shown_as="pot",
        columns={
            "id": Column("pseudonymous", "the pot's id, to which entries lead"),
            "account_id": _ACCOUNT,
            "name": Column("erased", "emptied"),
            "style": Column("erased", "emptied"),
            "lock_type": _STATE,
        },
    ),
    "audit_marks": Held(
        not_shown="how far the audit has verified the entry sets that are shown",
        columns={
            "account_id": _ACCOUNT,
            "chain_head": _BOOKS,
            "positions": _BOOKS,
            "seal": _BOOKS,
        },
    ),
    "entry_sets": Held(
        shown_as="entry_set",
        columns={
            "account_id": _ACCOUNT,
            "id": _BOOKS,
            "code": _BOOKS,
            "transaction_id": _BOOKS,
            "previous_hash": _BOOKS,
            "hash": _BOOKS,
        },
    ),
    "entries": Held(
        shown_as="entry_set",
        columns={"account_id": _ACCOUNT, "address": _ACCOUNT, "currency": _AMOUNTS},
    ),
    "subtotals": Held(
        not_shown="adds up the entries, which are shown",
        columns={"account_id": _ACCOUNT, "address": _ACCOUNT, "currency": _AMOUNTS},
    ),
    "subtotal_progress": Held(
        not_shown="how far the entries, which are shown, are added up",
        columns={"account_id": _ACCOUNT},
    ),
    "transactions": Held(
        shown_as="transaction",
        columns={
            "id": _BOOKS,
            "account_id": _ACCOUNT,
            "kind": _STATE,
            "currency": _AMOUNTS,
            "local_currency": _AMOUNTS,
            "description": Column(
                "erased", "emptied, but for what a merchant's terminal said of a card payment"
            ),
            "merchant_id": Column("kept", "says where, not who"),
            "category": Column("kept", "says what for, not who"),
            "notes": Column("erased", "emptied"),
            "metadata": Column("erased", "emptied"),
            "counterparty": Column(
                "erased", "emptied; in others' histories the erased person's name goes"
            ),
            "scheme": _STATE,
            "dedupe_id": Column("kept", "the id of a command, which proves what was answered"),
            "user_id": _USER,
            "decline_reason": _STATE,
        },
    ),
    "annotations": Held(
        shown_as="annotation",
        columns={"transaction_id": _ROW_GOES, "client_id": _ROW_GOES, "metadata": _ROW_GOES},
    ),
    "note_changes": Held(
        shown_as="note_change",
        columns={
            "transaction_id": _ROW_GOES,
            "user_id": _ROW_GOES,
            "client_id": _ROW_GOES,
            "notes_before": _ROW_GOES,
        },
    ),
    "authorisations": Held(
        shown_as="authorisation",
        columns={
            "id": _BOOKS,
            "account_id": _ACCOUNT,
            "card_id": Column("pseudonymous", "the id of a card without digits"),
            "transaction_id": _BOOKS,
            "state": _STATE,
        },
    ),
    "outcomes": Held(
        shown_as="command",
        columns={
            "account_id": _ACCOUNT,
            "issuer": Column("pseudonymous", "a scheme, an operator, or ids of a client and user"),
            "command_id": Column("kept", "the id of a command, which proves what was answered"),
            "command": _STATE,
            "digest": Column("pseudonymous", "a digest of the command, so that a repeat is known"),
            "outcome": Column("kept", "ids, a balance, a reason, and who at the bank adjusted it"),
        },
    ),
    "clearing_rows": Held(
        not_shown="what the scheme said of payments that are shown",
        columns={
            "file_id": _BOOKS,
            "kind": _STATE,
            "reference": Column("kept", "the scheme's name of it, by which a repeat is known"),
            "authorisation_id": _BOOKS,
            "card_id": Column("pseudonymous", "the id of a card without digits"),
            "account_id": _ACCOUNT,
            "currency": _AMOUNTS,
            "local_currency": _AMOUNTS,
            "merchant_id": Column("kept", "says where, not who"),
            "description": Column("kept", "what a merchant's terminal said of a card payment"),
            "status": _STATE,
            "reason": _STATE,
            "booked_on": _ACCOUNT,
            "transaction_id": _BOOKS,
        },
    ),
    "clearing_references": Held(
        not_shown="the same names stand in the rows",
        columns={
            "reference": Column("kept", "the scheme's name of it, by which a repeat is known"),
            "file_id": _BOOKS,
        },
    ),
    "clearing_matches": Held(
        not_shown="links the scheme's rows to transactions that are shown",
        columns={"transaction_id": _BOOKS, "file_id": _BOOKS},
    ),
    "clearing_missing": Held(
        not_shown="names transactions that are shown",
        columns={"file_id": _BOOKS, "transaction_id": _BOOKS}
        | {"account_id": _ACCOUNT, "currency": _AMOUNTS},
    ),
    "corrections": Held(
        not_shown="links transactions that are shown, and what they say of each other",
        columns={"transaction_id": _BOOKS, "account_id": _ACCOUNT}
        | {"kind": _STATE, "state": _STATE, "correction_id": _BOOKS},
    ),
    "refunds": Held(
        not_shown="links transactions that are shown, and what they say of each other",
        columns={"transaction_id": _BOOKS, "refund_id": _BOOKS, "account_id": _ACCOUNT},
    ),
    "uploads": Held(
        shown_as="upload",
        columns={
            **dict.fromkeys(
                (
                    *("id", "user_id", "client_id", "name_digest", "file_name", "file_type"),
                    *("content_digest", "media_type"),
                ),
                _ROW_GOES,
            ),
        },
    ),
    "upload_days": Held(
        not_shown="counts the uploads, which are shown", columns={"user_id": _ROW_GOES}
    ),
    "file_contents": Held(
        not_shown="where the bytes of uploads are kept, which are shown",
        columns=dict.fromkeys(
            ("digest", "name"),
            Column("erased", "the bytes are removed, and then the row, when nobody else sent them"),
        ),
    ),
    "attachments": Held(
        shown_as="attachment",
        columns=dict.fromkeys(
            (
                *("id", "account_id", "transaction_id", "user_id", "client_id"),
                *("file_url", "file_type", "upload_id"),
            ),
            _ROW_GOES,
        ),
    ),
    "feed_items": Held(
        shown_as="feed_item",
        columns=dict.fromkeys(
            ("id", "account_id", "client_id", "user_id", "url", "params"), _ROW_GOES
        ),
    ),
    "feed_writers": Held(
        not_shown="counts the items, which are shown",
        columns={"account_id": _ROW_GOES, "client_id": _ROW_GOES},
    ),
    "feed_keys": Held(
        shown_as="feed_key",
        columns=dict.fromkeys(
            ("account_id", "client_id", "user_id", "key", "digest", "item_id"), _ROW_GOES
        ),
    ),
    "feed_dismissals": Held(
        shown_as="feed_dismissal",
        columns=dict.fromkeys(("subject", "user_id", "account_id"), _ROW_GOES),
    ),
    "receipts": Held(
        shown_as="receipt",
        columns=dict.fromkeys(
            ("user_id", "client_id", "external_id", "id", "transaction_id", "content"), _ROW_GOES
        ),
    ),
    "webhooks": Held(
        shown_as="webhook",
        columns={
            "id": Column("pseudonymous", "the webhook's id, to which deliveries lead"),
            "account_id": _ACCOUNT,
            "client_id": _CLIENT,
            "user_id": _USER,
            "url": Column("erased", "emptied, and the webhook removed"),
            "events": Column("kept", "what it asked for"),
            "policy": _STATE,
            "signing": _STATE,
        },
    ),
    "deliveries": Held(
        shown_as="delivery",
        columns={
            "webhook_id": Column("pseudonymous", "the id of a webhook without an address"),
            "id": Column("kept", "the id of a message, by which a repeat is known"),
            "account_id": _ACCOUNT,
            "event": _STATE,
            "subject": _BOOKS,
            "payload": Column(
                "erased",
                "emptied; what others' webhooks are told loses the erased person's name and words",
            ),
            "state": _STATE,
        },
    ),
    "delivery_attempts": Held(
        shown_as="delivery_attempt",
        columns={
            "webhook_id": Column("pseudonymous", "the id of a webhook without an address"),
            "request_headers": _FORGOTTEN,
            "response_headers": _FORGOTTEN,
            "excerpt": _FORGOTTEN,
            "error": _STATE,
        },
    ),
    "due_work": Held(
        shown_as="due_work",
        columns={
            "kind": _STATE,
            "subject": Column("pseudonymous", "an id; the row ends with its work"),
            "account_id": _ACCOUNT,
        },
    ),
    "erasure_parts": Held(
        not_shown="only of people who are being erased, of whom nothing is exported any more",
        columns=dict.fromkeys(("user_id", "part", "account_id", "position"), _ROW_GOES),
    ),
    "erasures": Held(
        not_shown="says that there was an erasure, not whose",
        columns={"id": Column("kept", "a drawn id that leads to nothing else")},
    ),
}

_PROVES = "proves who has the token"
_CHAINED = "links the books, for an audit"

EXCLUDED_COLUMNS: Mapping[str, str] = {
    "passwords.hash": "proves who knows the password",
    "token_pairs.access_digest": _PROVES,
    "token_pairs.refresh_digest": _PROVES,
    "token_pairs.previous_access_digest": _PROVES,
    "token_pairs.previous_refresh_digest": _PROVES,
    "former_tokens.digest": _PROVES,
    "former_tokens.successor_digest": _PROVES,
    "password_failures.subject": "a digest of the client and the address, which are shown",
    "balances.chain_head": _CHAINED,
    "entry_sets.previous_hash": _CHAINED,
    "entry_sets.hash": _CHAINED,
    "uploads.name_digest": "a digest of the file's address",
    "uploads.content_digest": "shown as the file's SHA-256",
    "feed_keys.digest": "a digest of the item, by which a repeat is known",
    "outcomes.digest": "a digest of the command, by which a repeat is known",
}
"""What the export leaves out of the tables that it shows, and why: secrets' hashes and digests."""
