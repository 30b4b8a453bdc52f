"""What the absolute URLs in an answer begin with."""

import re

from minibank.settings import Settings
from minibank.settings.hosts import HISTORIC_HOSTS

_HISTORIC = re.compile(
    rf"({'|'.join(map(re.escape, HISTORIC_HOSTS))})(?::[0-9]{{1,5}})?", re.IGNORECASE | re.ASCII
)


def public_url_for(settings: Settings, scheme: str, host: str) -> str:
    """`settings.public_url`, or in a sandbox bank the historic host that the request named.

    A client with a built-in host reaches the bank by that name only. Any other `Host` is never
    repeated: it is whatever the sender wrote, and an answer that leads there could be anybody's.
    """
    if settings.mode == "sandbox" and _HISTORIC.fullmatch(host):
        return f"{scheme}://{host.lower()}"
    return settings.public_url
