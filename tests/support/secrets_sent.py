"""Values that no log may hold, in every form in which a log could hold them."""

import base64
import json
from urllib.parse import quote, quote_plus


def _percent_encoded(text: str) -> set[str]:
    every = "".join(f"%{byte:02X}" for byte in text.encode())
    return {quote(text), quote(text, safe=""), quote_plus(text), every, every.lower()}


def _base64_encoded(text: str) -> set[str]:
    """The letters that are the same wherever the text begins within what was encoded."""
    found = set()
    for before in range(3):
        padded = b"\0" * before + text.encode()
        whole = len(padded) // 3 * 4
        for encoded in (base64.b64encode(padded), base64.urlsafe_b64encode(padded)):
            found.add(encoded[(before * 8 + 5) // 6 : whole].decode())
    return found


def forms_of(text: str) -> set[str]:
    """A secret as it is, as JSON and Python write it, percent-encoded, in base64 and in hex."""
    return {
        text,
        json.dumps(text)[1:-1],
        repr(text)[1:-1],
        text.encode().hex(),
        *_percent_encoded(text),
        *_base64_encoded(text),
    }


def found_in(log: str, secrets: dict[str, str]) -> dict[str, list[str]]:
    """The secrets that a log holds, by what they are."""
    lowered = log.lower()
    return {
        what: [form for form in forms_of(secret) if form.lower() in lowered]
        for what, secret in secrets.items()
        if any(form.lower() in lowered for form in forms_of(secret))
    }
