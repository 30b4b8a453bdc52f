"""The JSON bodies of the operator API, read strictly: a field that nobody knows is refused."""

import re
from typing import TypeVar

import msgspec

from minibank.api.bodies import JSON, bad_body
from minibank.api.json_values import located
from minibank.api.requests import NAME_MAX, outer_name
from minibank.core.errors import BadParam, BadRequest, BankError, MissingParam
from minibank.core.wire import holds_nul

T = TypeVar("T")

_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_PART = re.compile(r"[^.\[\]]+")


def read_body(kind: type[T], body: bytes, content_type: str = "") -> T:
    """The body as a value of this type; no body is an empty object, of whichever type.

    Raises `BadRequest` for what is no JSON, and one with the code of `MissingParam` or `BadParam`,
    which says where in the body something is missing or wrong.
    """
    essence = content_type.partition(";")[0].strip().lower()
    # Some clients name a type also where they send nothing.
    if body and essence not in ("", JSON):
        raise bad_body(f"The body must be {JSON}")
    if holds_nul(body):
        raise bad_body("The body holds a character that cannot be kept")
    try:
        return msgspec.json.decode(body if body.strip() else b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error
    except ValueError as error:  # a decoder's own, bytes that are no text, a number too long
        raise bad_body("The body is not valid JSON") from error
    except RecursionError as error:
        raise bad_body("The body is nested too deeply") from error


def _refusal(words: str) -> BankError:
    """What the decoder found, as the API says it."""
    what, where = located(words)
    if named := _NAMED.fullmatch(what):
        where = f"{where}.{named[2]}" if where else named[2]
        if named[1] == "missing required":
            refusal = MissingParam(_last(where))
            return _at(refusal, where, "is required")
        return _at(BadParam(_last(where), "is not known"), where, "is not known here")
    if not where:
        return bad_body("The body must be a JSON object")
    reason = what[:1].lower() + what[1:].replace("`", "")
    return _at(BadParam(_last(where), reason), where, f"is not right: {reason}")


def _last(where: str) -> str:
    """The innermost name of a place in the body: `amount` of `commands[3].amount`."""
    names = [part for part in _PART.findall(where) if not part.isdecimal() and part != "..."]
    return outer_name(names[-1]) if names else "body"


def _at(refusal: BadRequest, where: str, reason: str) -> BadRequest:
    """The same refusal, whose message says where in the body it is."""
    place = where if len(where) <= NAME_MAX and where.isprintable() else _last(where)
    return BadRequest(refusal.code, f"The field '{place}' {reason}")
