"""When two e-mail addresses are the same, and what counts as one."""

import re
import unicodedata

from minibank.core.errors import BadParam, MissingParam

EMAIL_BYTES_MAX = 254
"""The longest path that mail can carry (RFC 5321 section 4.5.3.1.3, less its brackets)."""
LOCAL_BYTES_MAX = 64

_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")


def email_key(email: str) -> str:
    """What e-mail addresses are compared by: NFC and lower case, without spaces around.

    Never fails: text that is no e-mail address has a key too, which nobody holds.
    """
    lowered = unicodedata.normalize("NFC", email).lower()
    # Lower-casing may take a composed letter apart, and stripping must come last to be stable.
    return unicodedata.normalize("NFC", lowered).strip()


def require_email(email: str, name: str = "email") -> str:
    """The address as it will be kept (NFC, without spaces around); `BadParam` when it is none.

    Deliberately lenient about what is left of the `@`: only mail itself can prove an address.
    """
    kept = unicodedata.normalize("NFC", email).strip()
    if not kept:
        raise MissingParam(name)
    local, at, domain = kept.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or ".." in f".{local}.":
        raise BadParam(name, "must be an e-mail address")
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise BadParam(name, "must have a domain name after the @")
    if len(local.encode()) > LOCAL_BYTES_MAX or len(kept.encode()) > EMAIL_BYTES_MAX:
        raise BadParam(name, f"must not be longer than {EMAIL_BYTES_MAX} bytes")
    return kept
