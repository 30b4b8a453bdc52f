"""Values that stand in many answers, each with the words that describe it in the reference."""

import re
from typing import Annotated, Any

from msgspec import Meta, Struct

REF = "#/components/schemas/{name}"

Instant = Annotated[
    str,
    Meta(
        description="RFC 3339 in UTC, with milliseconds.",
        extra_json_schema={"format": "date-time"},
    ),
]
MinorUnits = Annotated[
    int, Meta(description="Money in minor units (pence) of the currency next to it.")
]
Currency = Annotated[str, Meta(description="ISO 4217, three capital letters.")]
Empty = Annotated[str, Meta(description="Kept for clients that expect it; empty.")]
EmptyObject = Meta(
    description="Kept for clients that expect it.", extra_json_schema={"type": "object"}
)
Texts = Meta(extra_json_schema={"type": "object", "additionalProperties": {"type": "string"}})
"""For JSON that goes out as it is stored: an object whose values are all texts."""

STORED = "stored"
"""Under this key the `Meta` of stored JSON keeps the types that it may be."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def holds_nul(form: bytes) -> bool:
    """Whether a text in this JSON holds U+0000, which no database keeps."""
    # The first half is two hundred times as fast, and nearly always enough.
    return rb"\u0000" in form and _NUL.search(form) is not None


_PLAIN = {str: "string", None: "null"}


def stored(*forms: type[Struct] | type[str] | None) -> Meta:
    """For JSON that goes out as it is stored: it is one of these, which no type can say of it."""
    schemas: list[dict[str, Any]] = [
        {"type": _PLAIN[form]}
        if form is None or form is str
        else {"$ref": REF.format(name=form.__name__)}
        for form in forms
    ]
    return Meta(
        extra_json_schema=schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
        extra={STORED: forms},
    )
