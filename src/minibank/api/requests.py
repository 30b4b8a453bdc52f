"""The parameters of a request: untrusted input becomes typed values here, once."""

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from minibank.api.bodies import Number, Pairs, Structure, Value
from minibank.core.errors import BadParam, BankError, MissingParam
from minibank.core.pages import LIMIT_MAX

Word = TypeVar("Word", bound=str)

BODY_BYTES_MAX = 256 * 1024
INTEGER_MAX = 2**63 - 1
NAME_MAX = 1024

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def split_name(name: str) -> tuple[str, str | None]:
    """`params[title]` as ("params", "title"), a plain name with None.

    The split is at the first `[` and the final `]`; what is between stays as it is.
    """
    outer, bracket, inner = name.partition("[")
    if outer and bracket and inner.endswith("]"):
        return outer, inner[:-1]
    return name, None


def outer_name(name: str) -> str:
    """The name to use in an error's code: only what looks like a parameter is repeated."""
    outer = split_name(name)[0]
    return outer if _NAME.fullmatch(outer) else "body"


def is_storable(text: str) -> bool:
    """Whether this is Unicode text without U+0000: what every database can keep."""
    return _UNSTORABLE.search(text) is None


def require_storable(pairs: Pairs) -> Pairs:
    """The pairs; `BadParam` when a name or value holds U+0000, is no Unicode text or too long."""
    for name, value in pairs:
        if len(name) > NAME_MAX:
            raise BadParam(outer_name(name), f"has a name longer than {NAME_MAX} characters")
        if not (is_storable(name) and is_storable(value if isinstance(value, str) else "")):
            raise BadParam(outer_name(name), "holds a character that cannot be kept")
    return pairs


class Params(Struct, frozen=True):
    """The parameters of a query and a body; the body wins where both have a value.

    An empty value and JSON null are as good as absent, for all but `entries`.
    """

    query: Pairs = ()
    body: Pairs = ()

    @property
    def names(self) -> set[str]:
        """Every outer name that was sent."""
        return {split_name(name)[0] for name, _ in (*self.query, *self.body)}

    def text(self, name: str) -> str | None:
        """A value as text, the last one if it was repeated; None when absent or empty.

        Raises `BadParam` for a JSON list or object.
        """
        value = self._last(name)
        return None if value is None else str(value)

    def _last(self, name: str) -> str | None:
        value: str | None = None
        for other, given in (*self.query, *self.body):
            if other == name and given not in ("", None):
                value = plain(name, given)
        return value

    def require_text(self, name: str) -> str:
        """The same; `MissingParam` when absent or empty."""
        value = self.text(name)
        if value is None:
            raise MissingParam(name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number of 64 bits; a JSON number may be written `23.0`. `BadParam` otherwise."""
        value = self._last(name)
        if value is None:
            return None
        number = value.as_integer() if isinstance(value, Number) else _decimal(value)
        if number is None or abs(number) > INTEGER_MAX:
            raise BadParam(name, "must be an integer")
        return number

    def flag(self, name: str) -> bool:
        """Whether something is wanted: `true` or `1`; not when absent, `false` or `0`."""
        text = (self.text(name) or "false").lower()
        if text not in ("true", "false", "1", "0"):
            raise BadParam(name, "must be true or false")
        return text in ("true", "1")

    def choice(self, name: str, options: Sequence[Word]) -> Word | None:
        """One of these words; None when absent."""
        text = self.text(name)
        if text is None:
            return None
        for option in options:
            if option == text:
                return option
        raise BadParam(name, f"must be one of {', '.join(options)}")

    def limit(self, default: int) -> int:
        """How many a page may hold: `limit`, which is never more than `LIMIT_MAX`."""
        limit = self.integer("limit")
        if limit is not None and limit < 1:
            raise BadParam("limit", "must be at least 1")
        return min(limit or default, LIMIT_MAX)

    def texts(self, name: str) -> list[str]:
        """All values of a repeatable parameter: `expand`, `expand[]`, `expand[0]`, JSON lists."""
        return [
            given
            for other, given in (*self.query, *self.body)
            if isinstance(given, str) and given and split_name(other)[0] == name
        ]

    def entries(self, name: str) -> dict[str, str]:
        """A nested parameter as inner name to text, where null is empty, and empty means something.

        Raises `BadParam` when the parameter is not made of pairs of texts.
        """
        found: dict[str, str] = {}
        for other, given in (*self.query, *self.body):
            outer, inner = split_name(other)
            if outer != name:
                continue
            if inner is not None:
                found[inner] = str(plain(name, given) or "")
            elif given not in ("", None):
                raise BadParam(name, "must be made of keys and values")
        return found

    def loose_entries(self, known: frozenset[str]) -> dict[str, str]:
        """Every field of the body but the `known` ones, as it was named."""
        return {
            name: str(plain(outer_name(name), given) or "")
            for name, given in self.body
            if split_name(name)[0] not in known
        }

    def repeated_in_body(self) -> Iterator[str]:
        """Names that the body holds more than once."""
        seen: set[str] = set()
        for name, _ in self.body:
            if name in seen:
                yield name
            seen.add(name)


NOTHING = Params()
"""The parameters of most requests that read."""

Parsed = Params | BankError
"""What came of reading a request: refusing waits until the caller is known to be somebody."""


def plain(name: str, value: Value) -> str | None:
    """The text of a value; `BadParam` when it is a list or an object."""
    if isinstance(value, Structure):
        raise BadParam(name, "must be a text or a number")
    return value


def _decimal(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None
