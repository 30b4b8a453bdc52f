"""Where a client may have people sent back to."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from minibank.core.errors import BadParam

URIS_MAX = 20
URI_LENGTH_MAX = 2048

_PRINTABLE = re.compile(r"[!-~]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_RUNNABLE = {"about", "blob", "data", "file", "javascript", "vbscript"}


def require_redirect_uris(uris: Sequence[str]) -> tuple[str, ...]:
    """The URIs without repetition, in their order; `BadParam` for one that may not be registered.

    RFC 6749 section 3.1.2: absolute, without a fragment. Plain http is for this machine only
    (RFC 8252 section 8.3); schemes of an app's own are welcome.
    """
    kept = tuple(dict.fromkeys(uris))
    if len(kept) > URIS_MAX:
        raise BadParam("redirect_uri", f"may be given {URIS_MAX} times at most")
    for uri in kept:
        reason = _fault(uri)
        if reason:
            raise BadParam("redirect_uri", reason)
    return kept


def _fault(uri: str) -> str:
    """What is wrong with a URI; empty when nothing is."""
    if len(uri) > URI_LENGTH_MAX:
        return f"must not be longer than {URI_LENGTH_MAX} characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "must be an absolute URI"
    if not _PRINTABLE.fullmatch(uri) or not _ABSOLUTE.fullmatch(uri):
        return "must be an absolute URI"
    if "#" in uri:
        return "must not have a fragment"
    return _fault_of_scheme(parts.scheme, parts.hostname)


def _fault_of_scheme(scheme: str, host: str | None) -> str:
    if scheme in _RUNNABLE:
        return f"must not use the scheme {scheme}"
    if scheme in {"http", "https"} and not host:
        return "must name a host"
    if scheme == "http" and host not in _LOOPBACK:
        return "must use https, except on localhost"
    return ""
