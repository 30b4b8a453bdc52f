"""From the bytes of a query or a body to pairs of name and value, whatever their form.

A nested value has a bracketed name, `params[title]`, whether it came as a form field of that name,
as `{"params": {"title": ...}}` or as `{"params[title]": ...}`. A value is text, a JSON number as
its literal text, None for JSON null, or a `Structure` that goes deeper than any parameter does.
"""

import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from minibank.core.errors import BadRequest

DEPTH_MAX = 8
PAIRS_MAX = 1000

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data"


class Number(str):
    """A JSON number, as it was written: it is read as an integer or kept as text, never a float."""

    __slots__ = ()

    def as_integer(self) -> int | None:
        """The number when it is whole (`23.0` is) and of a reasonable size, else None."""
        try:
            number = Decimal(self)
            is_whole = abs(number) < 10**19 and number == number.to_integral_value()
        except ArithmeticError:  # an exponent beyond what can be computed with
            return None
        return int(number) if is_whole else None


class Structure:
    """A list or an object where only a plain value makes sense: refused when it is read."""


STRUCTURE = Structure()

Value = str | None | Structure
Pairs = Sequence[tuple[str, Value]]


def bad_body(message: str) -> BadRequest:
    """The body cannot be read at all, so no parameter can be named."""
    return BadRequest("bad_request.bad_body", message)


async def parse_body(content_type: str | None, body: bytes) -> Pairs:
    """Read a body of one of the accepted types; without a type, by its first character.

    Raises `BadRequest` for another type and for what is not well-formed.
    """
    if not body.strip():
        return []
    essence = (content_type or "").partition(";")[0].strip().lower()
    if not essence:
        essence = JSON if body.lstrip()[:1] == b"{" else FORM
    if essence == JSON or essence.endswith("+json"):
        return _limited(parse_json(body))
    if essence == FORM:
        return parse_form(body)
    if essence == MULTIPART:
        return _limited(await _parse_multipart(content_type or "", body))
    raise bad_body(f"The body must be {FORM}, {JSON} or {MULTIPART}")


def parse_form(body: bytes) -> Pairs:
    """Read a query string or a form; bytes that are no UTF-8 become lone surrogates."""
    if not body:
        return []
    text = body.decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=PAIRS_MAX
        )
    except ValueError:
        raise _too_many() from None
    return _limited(list(pairs))


def _limited(pairs: Pairs) -> Pairs:
    if len(pairs) > PAIRS_MAX:
        raise _too_many()
    return pairs


def _too_many() -> BadRequest:
    return bad_body(f"There are more than {PAIRS_MAX} parameters")


# The standard library's decoder, because it lets us keep numbers as they were written (no float,
# no integer of a million digits is ever built), see repeated names, and name the parameter that
# holds a lone surrogate.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs, in order, repeats included."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object,
    parse_int=Number,
    parse_float=Number,
    parse_constant=_refuse_constant,
)


def parse_json(body: bytes) -> Pairs:
    """Read a JSON object of at most `DEPTH_MAX` levels; the depth is measured before building."""
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    require_shallow(text)
    try:
        document = _DECODER.decode(text)
    except ValueError:
        raise bad_body("The body is not valid JSON") from None
    if not isinstance(document, _Object):
        raise bad_body("The body must be a JSON object")
    return [pair for name, value in document for pair in _flatten(name, value)]


def require_shallow(text: str) -> None:
    """`BadRequest` for JSON of more than `DEPTH_MAX` levels, measured without building it."""
    # Few brackets cannot be nested deeply, wherever they stand, and counting them costs nothing.
    if text.count("[") + text.count("{") > DEPTH_MAX and _depth(text) > DEPTH_MAX:
        raise bad_body(f"The body is nested deeper than {DEPTH_MAX} levels")


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _flatten(name: str, value: object) -> Iterator[tuple[str, Value]]:
    if isinstance(value, list) and not value:
        # Nothing in it, and yet the parameter was named.
        yield name, None
    elif isinstance(value, _Object):
        for inner, deeper in value:
            yield f"{name}[{inner}]", _plain(deeper)
    elif isinstance(value, list):
        for item in value:
            yield name, _plain(item)
    else:
        yield name, _plain(value)


def _plain(value: object) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    return STRUCTURE


async def _parse_multipart(content_type: str, body: bytes) -> Pairs:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        Headers({"content-type": content_type}), stream(), max_files=PAIRS_MAX, max_fields=PAIRS_MAX
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise bad_body("The body is not valid multipart/form-data") from None
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    await form.close()
    return pairs
