"""`minibank trigger`: have something happen on an account of a sandbox bank."""

from typing import Annotated, get_args

import typer

from minibank.cli.accounts import ISSUER
from minibank.cli.common import REFUSED, CommandFailed, JsonFlag, for_a_bank
from minibank.cli.store import list_funds
from minibank.cli.triggering import (
    AccountFlag,
    CardFlag,
    DescriptionFlag,
    IdFlag,
    InFlag,
    LocalAmountFlag,
    LocalCurrencyFlag,
    MerchantFlag,
    OutFlag,
    execute,
    find_card,
    read_bought,
)
from minibank.core.errors import BadParam
from minibank.core.ids import shard_of
from minibank.db import ReadTx
from minibank.payments.commands import (
    AuthoriseCard,
    Command,
    Counterparty,
    ReceiveTransfer,
    TopUp,
)
from minibank.settings import Loaded
from minibank.transactions.records import DeclineReason

app = typer.Typer(
    help="Have something happen on an account of a sandbox bank: payments, money that comes in,"
    " settlements.",
    no_args_is_help=True,
)

REASONS: tuple[DeclineReason, ...] = get_args(DeclineReason)
SAMPLE = 535
"""How much a payment is about when nobody says."""


@app.command("card-payment")
@for_a_bank
def pay_by_card(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: AccountFlag,
    amount: OutFlag,
    merchant: MerchantFlag = None,
    description: DescriptionFlag = None,
    card: CardFlag = None,
    local_amount: LocalAmountFlag = None,
    local_currency: LocalCurrencyFlag = None,
    command_id: IdFlag = "",
    as_json: JsonFlag = False,
) -> None:
    """Pay by card: the money is held until `trigger settle`, or the payment is declined.

    The exit status is 1 when it was declined.

    Examples:

      minibank trigger card-payment --account acc_0000... --amount -535 --merchant Munchlark

      minibank trigger card-payment --account acc_0000... --amount -535 --merchant merch_0000...
    """

    async def make(tx: ReadTx, number: str) -> Command:
        merchant_id, says = await read_bought(tx, merchant, description)
        return AuthoriseCard(
            issuer=ISSUER,
            account_id=account,
            id=number,
            card_id=(await find_card(tx, account, card, "active")).id,
            amount=abs(amount),
            description=says,
            merchant_id=merchant_id,
            local_amount=None if local_amount is None else abs(local_amount),
            local_currency=local_currency,
        )

    outcome = execute(loaded, make, command_id=command_id, as_json=as_json)
    if outcome.status == "declined":
        raise typer.Exit(REFUSED)


@app.command("declined-payment")
@for_a_bank
def pay_in_vain(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: AccountFlag,
    amount: Annotated[
        int | None,
        typer.Option(
            "--amount",
            metavar="MINOR",
            help="In minor units, with or without a sign. Default: 535, or one more than there is.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help=f"{', '.join(REASONS[:-1])} or {REASONS[-1]}.")
    ] = REASONS[0],
    merchant: MerchantFlag = None,
    description: DescriptionFlag = None,
    card: CardFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Try to pay by card in a way that the bank declines.

    CARD_INACTIVE and CARD_BLOCKED are for a card that is so; OTHER is a wrong PIN.

    Examples:

      minibank trigger declined-payment --account acc_0000...

      minibank trigger declined-payment --account acc_0000... --reason INVALID_CVC
    """
    why = reason.upper()
    if why not in REASONS:
        raise BadParam("reason", f"must be among {', '.join(REASONS)}")
    state = {"CARD_INACTIVE": "inactive", "CARD_BLOCKED": "blocked"}.get(why, "active")

    async def make(tx: ReadTx, number: str) -> Command:
        found = await find_card(tx, account, card, state)
        if found.state != state:
            raise CommandFailed(f"{found.id} is {found.state}: this takes one that is {state}")
        merchant_id, says = await read_bought(tx, merchant, description)
        return AuthoriseCard(
            issuer=ISSUER,
            account_id=account,
            id=number,
            card_id=found.id,
            amount=await _too_much(tx, account, amount, why),
            description=says,
            merchant_id=merchant_id,
            cvc_ok=False if why == "INVALID_CVC" else None,
            pin_ok=False if why == "OTHER" else None,
        )

    outcome = execute(loaded, make, as_json=as_json)
    if outcome.status != "declined":
        raise CommandFailed("the bank did not decline it: the account or the card has changed")


async def _too_much(tx: ReadTx, account_id: str, amount: int | None, reason: str) -> int:
    """The amount to ask for, such that the bank has this reason to decline."""
    if reason != "INSUFFICIENT_FUNDS":
        return SAMPLE if amount is None else abs(amount)
    shard = shard_of(account_id)
    funds = (await list_funds(tx, [] if shard is None else [shard], [account_id]))[account_id]
    most = max(0, funds.booked - funds.held + funds.overdraft_limit)
    if amount is None:
        return most + 1
    if abs(amount) <= most:
        raise CommandFailed(f"the account can pay {abs(amount)}: ask for more than {most}")
    return abs(amount)


@app.command("top-up")
@for_a_bank
def top_up(
    loaded: Loaded,
    account: AccountFlag,
    amount: InFlag,
    description: DescriptionFlag = None,
    command_id: IdFlag = "",
    as_json: JsonFlag = False,
) -> None:
    """Load money onto an account.

    Examples:

      minibank trigger top-up --account acc_0000... --amount 10000
    """

    async def make(_: ReadTx, number: str) -> Command:
        return TopUp(
            issuer=ISSUER,
            account_id=account,
            id=number,
            amount=amount,
            description=description or "Top up",
        )

    execute(loaded, make, command_id=command_id, as_json=as_json)


@app.command("bank-transfer-in")
@for_a_bank
def receive(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: AccountFlag,
    amount: InFlag,
    sender: Annotated[
        str, typer.Option("--from", metavar="NAME", help="Who sends it.")
    ] = "A Friend",
    sort_code: Annotated[
        str, typer.Option("--sort-code", metavar="DIGITS", help="Of the sender's account.")
    ] = "",
    account_number: Annotated[
        str, typer.Option("--account-number", metavar="DIGITS", help="Of the sender's account.")
    ] = "",
    description: DescriptionFlag = None,
    command_id: IdFlag = "",
    as_json: JsonFlag = False,
) -> None:
    """Receive money from another bank.

    Examples:

      minibank trigger bank-transfer-in --account acc_0000... --amount 250000 --from "Employer Ltd"
    """

    async def make(_: ReadTx, number: str) -> Command:
        return ReceiveTransfer(
            issuer=ISSUER,
            account_id=account,
            id=number,
            amount=amount,
            description=description or sender,
            counterparty=Counterparty(
                name=sender, sort_code=sort_code, account_number=account_number
            ),
        )

    execute(loaded, make, command_id=command_id, as_json=as_json)
