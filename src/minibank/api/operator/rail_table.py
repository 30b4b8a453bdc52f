"""Which command each rail sends."""

from minibank.api.catalogue import (
    CLOSED,
    HOLD_ENDED,
    INSUFFICIENT_FUNDS,
    NO_AUTHORISATION,
    NO_CARD,
    NO_TRANSACTION,
    NOT_OPEN,
)
from minibank.api.operator.rails import Rail
from minibank.core.errors import NotFound
from minibank.db import ReadTx
from minibank.payments.commands import (
    AuthoriseCard,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
)
from minibank.payments.store import keys_of, list_authorisations

_AUTHORISATION = {"authorisation_id": "The authorisation."}


async def _account_of_authorisation(tx: ReadTx, authorisation_id: str) -> str:
    found = await list_authorisations(tx, keys_of([authorisation_id]))
    if authorisation_id not in found:
        raise NotFound("authorisation", "There is no such authorisation")
    return found[authorisation_id].account_id


RAILS = (
    Rail(
        "card-authorisations",
        AuthoriseCard,
        "Ask whether a card may spend",
        "A yes holds the money until it is presented, reversed or expires. A no is an answer too:"
        " `status` is `declined`, and `decline_reason` says why.",
        (NO_CARD,),
    ),
    Rail(
        "card-authorisations/{authorisation_id}/increments",
        IncrementAuthorisation,
        "Ask for more on an authorisation",
        "As a hotel does for a second night.",
        (NO_AUTHORISATION, HOLD_ENDED, NOT_OPEN),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-authorisations/{authorisation_id}/reversals",
        ReverseAuthorisation,
        "Give up what an authorisation holds",
        "All of it without an `amount`, else that much.",
        (NO_AUTHORISATION, HOLD_ENDED),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-authorisations/{authorisation_id}/expiry",
        ExpireAuthorisation,
        "Let an authorisation expire",
        "As it does by itself once nobody presented it for long enough.",
        (NO_AUTHORISATION, HOLD_ENDED),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-presentments",
        PresentCard,
        "Present what a card has paid",
        "It is always booked, also beyond the account's limit. With an authorisation it ends that,"
        " whatever it was for; without one it names the card and says what was bought.",
        (NO_CARD, NO_AUTHORISATION),
    ),
    Rail(
        "card-refunds",
        RefundCard,
        "Give money back to a card",
        "A new, positive transaction.",
        (NO_CARD, NO_TRANSACTION, CLOSED),
    ),
    Rail(
        "inbound-transfers",
        ReceiveTransfer,
        "Book what another bank sends",
        refuses=(CLOSED,),
    ),
    Rail(
        "outbound-transfers",
        SendTransfer,
        "Send money to another bank",
        "Refused when there is not enough.",
        (INSUFFICIENT_FUNDS, NOT_OPEN),
    ),
    Rail(
        "internal-transfers",
        TransferBetween,
        "Pay from one account of this bank to another",
        "Two transactions, one decision: both happen or neither.",
        (INSUFFICIENT_FUNDS, NOT_OPEN, CLOSED),
    ),
    Rail("top-ups", TopUp, "Load money from outside onto an account", refuses=(NOT_OPEN,)),
)
