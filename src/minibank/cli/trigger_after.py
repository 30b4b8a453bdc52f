"""`minibank trigger settle`, `reverse` and `refund`: what comes after a card payment."""

from typing import Annotated

import typer

from minibank.cli.accounts import ISSUER
from minibank.cli.common import FAILED, REFUSED, CommandFailed, JsonFlag, for_a_bank
from minibank.cli.merchants import find_merchant
from minibank.cli.store import Hold, find_hold
from minibank.cli.triggering import (
    DescriptionFlag,
    IdFlag,
    MerchantFlag,
    execute,
    find_card,
    read_bought,
    require_record,
)
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.db import ReadTx
from minibank.payments.cards import CARD_KEY
from minibank.payments.commands import Command, PresentCard, RefundCard, ReverseAuthorisation
from minibank.settings import Loaded
from minibank.transactions.records import TransactionRecord
from minibank.transactions.wire import decode_metadata

HoldArgument = Annotated[
    str,
    typer.Argument(metavar="WHICH", help="The id of an authorisation, or of its transaction."),
]


async def _require_hold(tx: ReadTx, which: str) -> Hold:
    shard = shard_of(which)
    found = None if shard is None else await find_hold(tx, shard, which)
    if found is None:
        raise NotFound("authorisation", f"{which} is no card payment that was held")
    return found


@for_a_bank
def settle(
    loaded: Loaded,
    which: HoldArgument,
    amount: Annotated[
        int | None,
        typer.Option(
            "--amount",
            metavar="MINOR",
            help="What it comes to, with or without a sign. Default: what is held.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Settle a card payment that is held, for what was held or for more or less.

    Examples:

      minibank trigger settle tx_0000...

      minibank trigger settle auth_0000... --amount -600
    """

    async def make(tx: ReadTx, number: str) -> Command:
        hold = await _require_hold(tx, which)
        if amount is None and hold.state != "open":
            raise CommandFailed(f"{hold.id} is {hold.state} and holds nothing: say --amount")
        return PresentCard(
            issuer=ISSUER,
            account_id=hold.account_id,
            id=number,
            amount=hold.held if amount is None else abs(amount),
            authorisation_id=hold.id,
        )

    execute(loaded, make, as_json=as_json)


@for_a_bank
def reverse(
    loaded: Loaded,
    which: HoldArgument,
    amount: Annotated[
        int | None,
        typer.Option(
            "--amount", metavar="MINOR", min=1, help="How much to let go of. Default: all."
        ),
    ] = None,
    command_id: IdFlag = "",
    as_json: JsonFlag = False,
) -> None:
    """Let go of what a card payment holds, whole or in part.

    Examples:

      minibank trigger reverse tx_0000...

      minibank trigger reverse tx_0000... --amount 200
    """

    async def make(tx: ReadTx, number: str) -> Command:
        hold = await _require_hold(tx, which)
        return ReverseAuthorisation(
            issuer=ISSUER,
            account_id=hold.account_id,
            id=number,
            authorisation_id=hold.id,
            amount=amount,
        )

    execute(loaded, make, command_id=command_id, as_json=as_json)


@for_a_bank
def refund(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ACCOUNT", help="An account's id; or --transaction."),
    ] = None,
    transaction: Annotated[
        str | None,
        typer.Option(
            "--transaction",
            metavar="TX",
            help="The payment that is refunded: account, amount and the rest are as there.",
        ),
    ] = None,
    amount: Annotated[
        int | None,
        typer.Option("--amount", metavar="MINOR", min=1, help="In minor units, above zero."),
    ] = None,
    merchant: MerchantFlag = None,
    description: DescriptionFlag = None,
    command_id: IdFlag = "",
    as_json: JsonFlag = False,
) -> None:
    """Have a merchant give money back: of a payment, or out of the blue.

    The exit status is 1 when the account did not get it: a dispute gave it back already, or the
    account is closed.

    Examples:

      minibank trigger refund --transaction tx_0000...

      minibank trigger refund --account acc_0000... --amount 535 --merchant Munchlark
    """

    async def make(tx: ReadTx, number: str) -> Command:
        if transaction is not None:
            paid = await require_record(tx, transaction)
            return await _of_payment(tx, paid, number, (account, amount, merchant, description))
        if account is None or amount is None:
            raise CommandFailed("which: say --transaction, or --account and --amount", FAILED)
        merchant_id, says = await read_bought(tx, merchant, description)
        return RefundCard(
            issuer=ISSUER,
            account_id=account,
            id=number,
            amount=amount,
            description=says,
            card_id=(await find_card(tx, account, None, "active")).id,
            merchant_id=merchant_id,
        )

    outcome = execute(loaded, make, command_id=command_id, as_json=as_json)
    if outcome.status == "declined":
        raise typer.Exit(REFUSED)


async def _of_payment(
    tx: ReadTx,
    paid: TransactionRecord,
    number: str,
    said: tuple[str | None, int | None, str | None, str | None],
) -> Command:
    """Give a payment back: what is not said is as it was there."""
    account, amount, merchant, description = said
    merchant_id = paid.merchant_id
    if merchant is not None:
        merchant_id, _ = await find_merchant(tx, merchant)
    is_whole = amount is None and paid.local_currency != paid.currency
    return RefundCard(
        issuer=ISSUER,
        account_id=account or paid.account_id,
        id=number,
        amount=-paid.amount if amount is None else amount,
        description=description or paid.description,
        card_id=decode_metadata(paid.metadata).get(CARD_KEY),
        merchant_id=merchant_id,
        local_amount=abs(paid.local_amount) if is_whole else None,
        local_currency=paid.local_currency if is_whole else None,
        original_transaction_id=paid.id,
    )
