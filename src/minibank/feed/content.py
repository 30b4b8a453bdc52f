"""What an app may say in a feed item: names, sizes and colours.

Nobody fetches an image or follows a link here: they are texts that a page may use.
"""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from minibank.core.errors import BadParam, MissingParam
from minibank.feed.records import Content

TITLE_BYTES_MAX = 255
BODY_BYTES_MAX = 4096
URL_BYTES_MAX = 2048

WHITE = "#FFFFFF"
"""The background of an item of September 2015 that named none."""

_COLOURS = ("background_color", "title_color", "body_color")
_SIZES = {"title": TITLE_BYTES_MAX, "body": BODY_BYTES_MAX, "image_url": URL_BYTES_MAX}
NAMES = (*_SIZES, *_COLOURS)
"""Every text of an item; others are passed over."""

REQUIRED = ("title", "image_url")

_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})")


def merge(current: Content, texts: Mapping[str, str], url: str | None) -> Content:
    """The content with these texts instead: an empty one takes away what is not required.

    `url` None leaves it. Raises `MissingParam` and `BadParam` by the name of the text.
    """
    merged = {name: texts.get(name, current.params.get(name, "")) for name in NAMES}
    for name in REQUIRED:
        if not merged[name]:
            raise MissingParam(name)
    params = {name: _checked(name, text) for name, text in merged.items() if text}
    url = current.url if url is None else url
    if len(url.encode()) > URL_BYTES_MAX:
        raise BadParam("url", f"must have at most {URL_BYTES_MAX} bytes")
    return msgspec.structs.replace(current, params=params, url=url)


def require_to_come(content: Content, now: int) -> None:
    """`BadParam` when an item would have expired already."""
    if content.expires_at is not None and content.expires_at <= now:
        raise BadParam("expires_at", "must lie in the future")


def digest_of(content: Content) -> bytes:
    """The same for the same content, however it was sent."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()


def _checked(name: str, text: str) -> str:
    if name in _SIZES:
        if len(text.encode()) > _SIZES[name]:
            raise BadParam(name, f"must have at most {_SIZES[name]} bytes")
        return text
    if not _COLOUR.fullmatch(text):
        raise BadParam(name, "must be a colour such as #FF8000")
    digits = text[1:] if len(text) == len(WHITE) else "".join(2 * digit for digit in text[1:])
    return "#" + digits.upper()
