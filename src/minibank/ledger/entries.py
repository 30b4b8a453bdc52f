"""The rules of double entry.

An *address* is where entries accumulate; a positive entry means the bank owes that address more.
A customer account has two: what is free to spend (main) and what is held for the card scheme
(held); and one more for each of its pots. The rest are the bank's own positions towards the
schemes. An *entry set* is a balanced, immutable group of entries; everything the bank does with
money is one.
"""

import msgspec

CARD_SETTLEMENT = "scheme:card:settlement"
TRANSFER_SETTLEMENT = "scheme:transfer:settlement"
TOP_UP_SETTLEMENT = "scheme:top_up:settlement"
TRANSIT = "bank:transit"
"""Between two customers of this bank: zero whenever no transfer is half-way."""
CASH = "bank:cash"
"""Notes and coins, and claims on agents who take and hand them out: negative is what there is."""
FEES = "bank:fees"
"""What customers have paid for the bank's services."""
ADJUSTMENTS = "bank:adjustments"
"""The other side of what an operator put right; who looks after the books empties it."""
CHARGEBACKS = "bank:chargebacks"
"""Negative is what customers were credited for disputes that are not decided."""
SUSPENSE = "bank:suspense"
"""Money that has moved and is on no account: owed to somebody (positive), or laid out."""


def main(account_id: str) -> str:
    """The address of what an account may spend."""
    return f"account:main:{account_id}"


def held(account_id: str) -> str:
    """The address of what an account holds for open authorisations."""
    return f"account:held:{account_id}"


POT = "pot:"
"""How the addresses of pots begin."""


def pot(pot_id: str) -> str:
    """The address of what a pot holds."""
    return f"{POT}{pot_id}"


class Entry(msgspec.Struct, frozen=True):
    """One signed amount, in minor units, on one address."""

    address: str
    amount: int
    currency: str


class EntrySet(msgspec.Struct, frozen=True):
    """A balanced group of entries of one account, caused by one transaction.

    `forced` marks a posting that is booked whatever the balance. Happened is when it took place
    in the world, booked is when the bank wrote it (both in microseconds).
    """

    id: str
    account_id: str
    code: str
    transaction_id: str
    forced: bool
    happened_at: int
    booked_at: int
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        assert self.entries, "an entry set moves something"
        assert all(entry.amount for entry in self.entries), "an entry is never zero"
        assert not imbalance(self.entries), "an entry set balances in every currency"

    def total(self, address: str) -> int:
        """What this set adds to an address."""
        return sum([entry.amount for entry in self.entries if entry.address == address])


def imbalance(entries: tuple[Entry, ...]) -> dict[str, int]:
    """By currency, what does not cancel out; empty when the entries balance."""
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry.currency] = sums.get(entry.currency, 0) + entry.amount
    return {currency: amount for currency, amount in sums.items() if amount}


def moves(currency: str, *amounts: tuple[str, int]) -> tuple[Entry, ...]:
    """Entries for (address, amount) pairs; those of zero fall away."""
    return tuple(Entry(address, amount, currency) for address, amount in amounts if amount)
