"""Conditional requests (RFC 9110 section 13): what a client has seen, and whether it still holds.

An entity tag is `"<version>.<digest>"`: the version of the object for this client, which every
change of it advances, and a digest of the very bytes, in which it was expanded, shaped for its
client or written by another release. Versions decide about writing, whole tags about reading.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from minibank.api.answers import Answer, answer_json
from minibank.core.errors import BadRequest, PreconditionFailed

TAGS_MAX = 100
"""How many entity tags one header may list."""

DIGEST_BYTES = 12

VIEWER_DIGITS = 12
"""Hexadecimal digits that tell one client's view of an object from another's."""

# RFC 9110 section 8.8.3, and as section 5.6.1 asks, empty members of a list are passed over.
_TAG = r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"'
# Blanks stand in one place only: two neighbours that both take them try every way to share them.
_MEMBER = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,|$)")


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource's value with the version of what it shows; the answer gets an `ETag`."""

    value: object
    version: str


@dataclass(frozen=True, slots=True)
class Tags:
    """What a condition lists: any version (`*`), or tags, the weak ones apart."""

    is_any: bool = False
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()


def parse_tags(text: str) -> Tags:
    """The entity tags of a condition; ValueError for what is no list of them."""
    if text.strip() == "*":
        return Tags(is_any=True)
    found: dict[bool, set[str]] = {True: set(), False: set()}
    position = count = 0
    while position < len(text):
        member = _MEMBER.match(text, position)
        if member is None or count == TAGS_MAX:
            raise ValueError
        if member["opaque"] is not None:
            found[member["weak"] is not None].add(member["opaque"])
            count += 1
        position = member.end()
    if not count:
        raise ValueError
    return Tags(strong=frozenset(found[False]), weak=frozenset(found[True]))


def viewer_of(identifier: str, client_id: str) -> str:
    """Whose view of what a version is, so that one client's is never taken for another's."""
    return hashlib.sha256(f"{identifier}\0{client_id}".encode()).hexdigest()[:VIEWER_DIGITS]


def require_version(
    headers: Mapping[str, str], thing: str = "transaction"
) -> Callable[[str], None] | None:
    """The check that `If-Match` asks for, to be given the present version; None without the header.

    Any representation of the present version will do: whoever read a transaction with its merchant
    may write without. A weak tag never matches. The check raises `PreconditionFailed`, which names
    the `thing`. A header that cannot be read is `BadRequest`: to pass it over would be to overwrite
    unasked.
    """
    given = headers.get("if-match")
    if given is None:
        return None
    try:
        tags = parse_tags(given)
    except ValueError:
        raise BadRequest(
            "bad_request.bad_header.if_match",
            "The header 'If-Match' must be * or a list of entity tags",
        ) from None
    seen = {tag.rpartition(".")[0] for tag in tags.strong}

    def check(version: str) -> None:
        if not tags.is_any and version not in seen:
            raise PreconditionFailed(thing)

    return check


def answer_value(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer that a resource's value makes; `headers` are those of a request that reads.

    To a reader who has these bytes already (`If-None-Match`) it is 304 without a body. A condition
    that cannot be read is passed over, because the whole answer is right in any case.
    """
    if not isinstance(value, Versioned):
        return answer_json(value)
    answer = answer_json(value.value)
    tag = f"{value.version}.{hashlib.sha256(answer.body).hexdigest()[: 2 * DIGEST_BYTES]}"
    with_tag = [*answer.headers, (b"etag", f'"{tag}"'.encode())]
    if headers is not None and _has(headers, tag):
        return Answer(304, b"", [one for one in with_tag if one[0] != b"content-type"])
    return Answer(answer.status, answer.body, with_tag)


def _has(headers: Mapping[str, str], tag: str) -> bool:
    given = headers.get("if-none-match")
    if given is None:
        return False
    try:
        tags = parse_tags(given)
    except ValueError:
        return False
    # A proxy that compresses weakens a tag; for reading the two are as good (section 13.1.2).
    return tags.is_any or tag in tags.strong or tag in tags.weak
