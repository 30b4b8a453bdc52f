"""What a receipt says: its fields, their sizes, and what they are when nothing was said.

The sums are not checked: what a till adds up and rounds is the till's affair.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from minibank.core.money import AMOUNT_MAX

ITEMS_MAX = 500
PARTS_MAX = 100
"""How many sub-items an item, and how many taxes and payments a receipt may have."""

ID_MAX = 255
TEXT_MAX = 255
LONG_TEXT_MAX = 1024

DIGITS_MAX = 30
"""How many digits a quantity may have, and how far before and behind the point they may reach."""

Required = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
LongRequired = Annotated[str, Meta(min_length=1, max_length=LONG_TEXT_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
LongText = Annotated[str, Meta(max_length=LONG_TEXT_MAX)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217, in capitals.")]
Money = Annotated[
    int,
    Meta(
        ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="In minor units; negative for what is let off."
    ),
]
Quantity = Annotated[
    Decimal,
    Meta(
        description="How many, or how much in `unit`, kept as it was sent; 0 when nothing was said."
        f" It has at most {DIGITS_MAX} digits.",
    ),
]


class ReceiptSubItem(Struct, kw_only=True):
    """A part of an item, such as an extra topping; it has no parts of its own."""

    description: LongRequired
    quantity: Quantity = Decimal(0)
    unit: Annotated[Text, Meta(description="What the quantity counts, such as `kg`.")] = ""
    amount: Money
    currency: Currency
    tax: Money = 0
    sub_items: Annotated[
        tuple[()] | UnsetType, Meta(description="There are clients that send it empty.")
    ] = UNSET

    def __post_init__(self) -> None:
        """Refuse a quantity that is no number of a reasonable size."""
        require_quantity(self.quantity)


class ReceiptItem(Struct, kw_only=True):
    """Something that was bought."""

    description: LongRequired
    quantity: Quantity = Decimal(0)
    unit: Annotated[Text, Meta(description="What the quantity counts, such as `kg`.")] = ""
    amount: Money
    currency: Currency
    tax: Money = 0
    sub_items: Annotated[
        list[ReceiptSubItem], Meta(max_length=PARTS_MAX, description="What the item is made of.")
    ] = []

    def __post_init__(self) -> None:
        """Refuse a quantity that is no number of a reasonable size."""
        require_quantity(self.quantity)


class ReceiptTax(Struct, kw_only=True):
    """A tax on the whole."""

    description: LongRequired
    amount: Money
    currency: Currency
    tax_number: Annotated[Text, Meta(description="Under which the seller pays it.")] = ""


class ReceiptPayment(Struct, kw_only=True):
    """One of the ways in which the total was paid."""

    type: Literal["card", "cash", "gift_card"]
    amount: Money
    currency: Currency
    bin: Annotated[Text, Meta(description="The first digits of the card.")] = ""
    last_four: Annotated[Text, Meta(description="The last digits of the card.")] = ""
    auth_code: Text = ""
    aid: Text = ""
    mid: Text = ""
    tid: Text = ""
    gift_card_type: Text = ""


class ReceiptMerchant(Struct, kw_only=True):
    """Who sold it, in their own words."""

    name: Text = ""
    online: bool = False
    phone: Text = ""
    email: Text = ""
    store_name: Text = ""
    store_address: LongText = ""
    store_postcode: Text = ""


class Content(Struct, kw_only=True):
    """All that a receipt says."""

    total: Annotated[
        int, Meta(ge=1, le=AMOUNT_MAX, description="What was paid, in minor units; positive.")
    ]
    currency: Currency
    items: Annotated[list[ReceiptItem], Meta(max_length=ITEMS_MAX)]
    taxes: Annotated[list[ReceiptTax], Meta(max_length=PARTS_MAX)] = []
    payments: Annotated[list[ReceiptPayment], Meta(max_length=PARTS_MAX)] = []
    merchant: ReceiptMerchant = field(default_factory=ReceiptMerchant)


def require_quantity(quantity: Decimal) -> None:
    """ValueError unless it is a number that any program can write down."""
    digits, exponent = quantity.as_tuple()[1:]
    # What is infinite or no number has a letter for its exponent.
    if not isinstance(exponent, int):
        raise ValueError("quantity must be a number")
    if len(digits) > DIGITS_MAX or not -DIGITS_MAX <= exponent <= DIGITS_MAX - len(digits):
        raise ValueError(f"quantity must have at most {DIGITS_MAX} digits")
