"""Requests that are safe to repeat: the `Idempotency-Key` by which one is known again.

As draft-ietf-httpapi-idempotency-key-header has it: a text of the client's own choosing, in quotes
or, as most clients send it, without.
"""

import re
from collections.abc import Mapping

from minibank.core.errors import BadRequest

IDEMPOTENCY_KEY = "Idempotency-Key"
KEY_MAX = 255

_KEY = re.compile(rf'"([\x21\x23-\x5b\x5d-\x7e]{{1,{KEY_MAX}}})"|([\x21\x23-\x7e]{{1,{KEY_MAX}}})')


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request, None without one; `BadRequest` for one that nobody could keep."""
    given = headers.get(IDEMPOTENCY_KEY.lower())
    if given is None:
        return None
    match = _KEY.fullmatch(given.strip())
    if match is None:
        raise BadRequest(
            "bad_request.bad_header.idempotency_key",
            f"The header '{IDEMPOTENCY_KEY}' must be 1 to {KEY_MAX} visible ASCII characters",
        )
    return match[1] or match[2]
