"""A body that is one JSON value: checked against a type, refused by the name of what is wrong.

As everywhere in the API an empty text and null are as good as absent and members that nobody knows
are passed over; `23.0` and `"23"` are integers.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import msgspec

from minibank.api.bodies import bad_body, require_shallow
from minibank.api.requests import is_storable, outer_name
from minibank.core.errors import BadParam, BankError, MissingParam

T = TypeVar("T")

WORDS_MAX = 200
"""How much is said of a value that is not acceptable: its text may be part of it."""

_encode = msgspec.json.Encoder().encode

# What a typed decoder would not take, or would take although it should not: null, empty texts, and
# characters that no database keeps.
_CARE = re.compile(rb'\bnull\b|""|\\u0000|\\u[dD][89a-fA-F]')

# As msgspec words it: "Expected `int`, got `str` - at `$.items[0].amount`".
_WORDS = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")


def decoder_of(kind: type[T]) -> Callable[[bytes], T]:
    """A function that reads a body as this kind; none at all is read as an empty object.

    It raises `MissingParam` and `BadParam` by the path of what is wrong, `items[0].amount`, and
    `BadRequest` for what is no JSON object or is nested too deeply.
    """
    decode = msgspec.json.Decoder(kind, strict=False).decode

    def read(body: bytes) -> T:
        text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff").strip() or "{}"
        require_shallow(text)
        plain = text.encode("utf-8", "surrogateescape")
        try:
            if _CARE.search(plain) or not is_storable(text):
                plain = _with_care(text)
            return decode(plain)
        except msgspec.ValidationError as error:
            raise _refusal(str(error)) from None
        except msgspec.DecodeError:
            raise bad_body("The body is not valid JSON") from None

    return read


def located(words: str) -> tuple[str, str]:
    """What msgspec found wrong, and the path of where, which is empty for the whole."""
    match = _WORDS.fullmatch(words)
    assert match is not None, "any text matches"
    return match["what"], match["place"] or ""


def _refusal(words: str) -> BankError:
    what, place = located(words)
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return MissingParam(f"{place}.{missing[1]}".lstrip("."))
    if not place:
        return bad_body("The body must be a JSON object")
    return BadParam(place, f"is not acceptable: {what[:1].lower()}{what[1:WORDS_MAX]}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(literal: str) -> msgspec.Raw:
    """A number stays as it was written."""
    return msgspec.Raw(literal.encode())


def _present(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None and value != ""}


_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_present,
    parse_int=_number,
    parse_float=_number,
    parse_constant=_refuse_constant,
)


def _with_care(text: str) -> bytes:
    """The same value without what is as good as absent; `BadParam` for what cannot be kept."""
    try:
        value = _CAREFUL.decode(text)
    except ValueError:
        raise bad_body("The body is not valid JSON") from None
    for place, part in _texts(value):
        if not is_storable(part):
            raise BadParam(place or "body", "holds a character that cannot be kept")
    return _encode(value)


def _texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text inside with the path that leads to it, names of members included.

    Only what looks like a parameter's name is part of a path.
    """
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{place}[{number}]" if place else "")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield place, name
            inner = f"{place}.{name}".lstrip(".") if outer_name(name) == name else place
            yield from _texts(one, inner)
