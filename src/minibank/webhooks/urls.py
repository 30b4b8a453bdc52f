"""The addresses of webhooks: which will do, and how much of one may be shown.

People put a secret into the path, the query or the userinfo, because that is how a receiver knows
who calls. So an address is kept and called exactly as it came, and shown to its owner alone.
"""

import hashlib
import re
from urllib.parse import urlsplit

from minibank.core.errors import BadParam

URL_BYTES_MAX = 2048

# RFC 3986: what an address may be made of. Anything else means different things to different
# programs, and whoever checks an address must not read it otherwise than whoever calls it.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


def require_url(url: str) -> str:
    """The address as it came; `BadParam` unless it is an absolute http or https URL."""
    if len(url) > URL_BYTES_MAX:
        raise BadParam("url", f"must have at most {URL_BYTES_MAX} bytes")
    if not _CHARACTERS.fullmatch(url) or not _is_absolute(url):
        raise BadParam("url", "must be an absolute URL that begins with http:// or https://")
    return url


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def place_of(url: str) -> str:
    """What may be shown of an address: its scheme and host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}"


def target_of(client_id: str, url: str) -> int:
    """A number for a client's webhooks at one scheme, host and port: they share connections, and
    none of another client's waits for them."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    text = f"{client_id} {parts.scheme}://{parts.hostname}:{port}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
