"""Which host answers what: files have one of their own, where the bank says so.

What people send here is shown to others. On a host where nothing else is, and no cookie, there is
nothing that a file could reach.
"""

from urllib.parse import urlsplit

from minibank.api.files import FILE
from minibank.settings import Settings

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Hosts:
    """The host of files, and all others."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.files_url)
        self._default_port = _DEFAULT_PORTS.get(parts.scheme, "")
        self._host = self._plain(parts.netloc)

    def serve(self, path: str, host: str) -> bool:
        """Whether a path is answered on the host that a request names."""
        if not self._host:
            return True
        return (path == FILE) == (self._plain(host) == self._host)

    def _plain(self, host: str) -> str:
        return host.strip().lower().removesuffix(self._default_port)
