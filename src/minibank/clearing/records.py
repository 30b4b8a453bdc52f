"""A clearing file, its rows, and what came of them."""

from typing import Literal

import msgspec

ISSUER = "clearing"
"""Who vouches for the commands that book the rows of a file."""

Kind = Literal["presentment", "refund"]
Status = Literal["pending", "matched", "surplus", "duplicate"]

FOUND = "found"
DIFFERS = "amount_differs"
"""Why a row is matched that needed no booking: the books had it."""
BOOKED = "booked"
DISPUTED = "disputed"
"""Why a refund is surplus: a dispute has given back what it would."""


class ClearingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row; amounts are magnitudes in minor units, `day` begins at midnight UTC (microseconds).

    What is not said is empty. `booked_on` is the account on which `transaction_id` stands: the
    customer's or, of a surplus, the one in whose chain it is in suspense.
    """

    line: int
    kind: Kind
    reference: str
    authorisation_id: str
    card_id: str
    account_id: str
    amount: int
    currency: str
    local_amount: int | None
    local_currency: str
    merchant_id: str
    description: str
    day: int
    status: Status = "pending"
    reason: str = ""
    booked_on: str = ""
    transaction_id: str = ""


class ClearingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file; `finished_at` is None while its import is not over (microseconds)."""

    id: str
    day: int
    row_count: int
    imported_by: str
    began_at: int
    finished_at: int | None


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of the file's day that no row named; `found_in` is a later file that did."""

    transaction_id: str
    account_id: str
    amount: int
    currency: str
    found_in: str = ""


class ClearingReport(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and how many of its rows came to what; `missing` are in the books only."""

    file: ClearingFile
    matched: int
    surplus: int
    duplicate: int
    pending: int
    missing: int
