"""Where a sandbox bank keeps its throw-away certificates, and which names they are for."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from minibank.settings import Settings
from minibank.settings.hosts import HISTORIC_HOSTS

_SQLITE = "sqlite:///"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ALL_ADDRESSES = {"0.0.0.0", "::"}  # noqa: S104 - told apart, not bound


@dataclass(frozen=True, slots=True)
class DevFiles:
    """Where the throw-away certificates of one bank are kept."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The authority's certificate, for clients to trust."""
        return self.directory / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The authority's certificate and private key."""
        return self.directory / "ca-key.pem"

    @property
    def server(self) -> Path:
        """The server's private key and certificate, in one file so that they always match."""
        return self.directory / "server.pem"


def dev_files(settings: Settings) -> DevFiles:
    """The files of `tls = "dev"`, as absolute paths, whether they exist or not."""
    if settings.tls_directory:
        return DevFiles(Path(settings.tls_directory).absolute())
    if settings.database.startswith(_SQLITE):
        beside = Path(settings.database.removeprefix(_SQLITE)).absolute().parent
    else:
        beside = Path.cwd()
    return DevFiles(beside / "minibank-tls")


def dev_names(settings: Settings) -> tuple[str, ...]:
    """The host names and addresses that a throw-away certificate is for."""
    own = {settings.host, urlsplit(settings.public_url).hostname or ""} - {"", *_ALL_ADDRESSES}
    return tuple(dict.fromkeys((*_LOCAL, *HISTORIC_HOSTS, *sorted(own))))
