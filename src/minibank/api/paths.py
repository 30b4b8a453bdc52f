"""What the head of a request says: method, path and headers, normalised once for all behind."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

Segments = tuple[str, ...]


def segments_of(scope: Mapping[str, Any]) -> Segments:
    """The decoded segments of the path as it was sent.

    Empty segments vanish: clients send `//accounts` and `/accounts/`, and a redirect would lose
    the token or the body of some of them. Each segment is decoded by itself, so `%2F` stays inside
    its segment, and `..` is a segment like any other: nothing is resolved. What is no UTF-8 keeps
    lone surrogates and therefore equals nothing.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.partition(b"?")[0]
    if b"%" not in path:
        return tuple([one for one in path.decode("utf-8", "surrogateescape").split("/") if one])
    return tuple(
        unquote_to_bytes(segment).decode("utf-8", "surrogateescape")
        for segment in path.split(b"/")
        if segment
    )


def method_of(scope: Mapping[str, Any]) -> str:
    """The method in capitals: some clients write it small."""
    method: str = scope["method"]
    return method.upper()


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers by their names in small letters; of one that is repeated, the first.

    A dictionary, because every request is asked for several that it does not have.
    """
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in reversed(scope["headers"])
    }
