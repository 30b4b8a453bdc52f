"""Receipts as they are stored."""

import msgspec

from minibank.receipts.content import Content


class Holder(msgspec.Struct, frozen=True):
    """Whose receipts: an app's acting for a user; `shard` is the user's."""

    shard: int
    user_id: str
    client_id: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt; instants in microseconds."""

    external_id: str
    id: str
    transaction_id: str
    content: Content
    created_at: int
    updated_at: int


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(Content)


def content_to_json(content: Content) -> str:
    """As a receipt's row keeps it; a quantity stays the number that was sent."""
    return _ENCODER.encode(content).decode()


def content_from_json(text: str) -> Content:
    """What a receipt's row keeps."""
    return _DECODER.decode(text)
