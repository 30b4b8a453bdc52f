"""What only some combinations of settings allow; asked before a server starts."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from minibank.settings.errors import SettingsError
from minibank.settings.fields import Settings, environment_name
from minibank.settings.sources import Loaded
from minibank.settings.webhooks import DELAYS_MAX


def is_loopback(host: str) -> bool:
    """Whether a listening address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require_servable(loaded: Loaded) -> None:
    """Raise `SettingsError` unless a server may start with these settings."""
    settings = loaded.settings
    if settings.workers > 1 and settings.database.startswith("sqlite"):
        raise SettingsError(
            f"workers: {settings.workers} processes cannot share a SQLite bank,"
            " use 1 or a postgresql:// database"
        )
    if settings.metrics_port and settings.metrics_port == settings.port:
        raise SettingsError(f"metrics_port: {settings.port} is the port of the API, choose another")
    _require_one_certificate(settings)
    _require_files_apart(settings)
    if settings.mode == "production":
        _require_tls_or_proxy(settings)
        _require_files_host(settings)
    else:
        _require_private(loaded)
    require_workable(loaded)


def require_workable(loaded: Loaded) -> None:
    """Raise `SettingsError` unless a process may work for a bank with these settings."""
    settings = loaded.settings
    if settings.server_key and settings.server_key_file:
        raise SettingsError(
            "server_key: it and server_key_file are two ways to say one thing, use one"
        )
    if settings.mode == "production":
        _require_server_key(settings)
        _require_files_place(settings)
    if len(settings.webhook_retry_delays) > DELAYS_MAX:
        raise SettingsError(f"webhook_retry_delays: {DELAYS_MAX} at most")


def _require_one_certificate(settings: Settings) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        missing = "tls_key" if settings.tls_cert else "tls_cert"
        raise SettingsError(f"{missing}: a certificate and its key are named together")
    if settings.tls_cert and settings.tls == "dev":
        raise SettingsError("tls: dev makes a certificate, leave it out to use the one of tls_cert")


def _require_private(loaded: Loaded) -> None:
    settings = loaded.settings
    if is_loopback(settings.host):
        return
    if not loaded.is_named_by_hand("host"):
        raise SettingsError(
            f"host: {loaded.sources['host']} would show a sandbox bank to the network,"
            f" say so with --host {settings.host} or {environment_name('host')}={settings.host}"
        )
    if not settings.speaks_tls and not settings.trusted_proxies:
        raise SettingsError(
            f"host: plain HTTP stays on this machine, and {settings.host} is the network: add"
            " --tls dev, or a certificate (--tls-cert and --tls-key), or name the proxy in front"
            " (trusted_proxies)"
        )


def _require_tls_or_proxy(settings: Settings) -> None:
    if settings.tls == "dev":
        raise SettingsError(
            "tls: dev is for a sandbox bank, a production bank needs a certificate that its clients"
            " trust already (tls_cert and tls_key)"
        )
    if not settings.speaks_tls and not settings.trusted_proxies:
        raise SettingsError(
            "trusted_proxies: a production bank speaks plain HTTP only to proxies that it knows,"
            f" name yours (for example {environment_name('trusted_proxies')}=10.0.0.5), or give"
            " the bank a certificate (tls_cert and tls_key)"
        )
    if not settings.public_url.startswith("https://"):
        raise SettingsError(
            "public_url: a production bank needs the https:// address under which clients reach it"
        )


def _require_files_apart(settings: Settings) -> None:
    own, files = urlsplit(settings.public_url), urlsplit(settings.files_url)
    if files.hostname and files.hostname == own.hostname and _port(files) == _port(own):
        raise SettingsError(
            "files_url: files are served by a host of their own, and this is the one of public_url"
        )


def _port(address: SplitResult) -> int:
    return address.port or (443 if address.scheme == "https" else 80)


def _require_files_host(settings: Settings) -> None:
    if not settings.files_url.startswith("https://"):
        raise SettingsError(
            "files_url: a production bank serves files on a host of their own, name its https://"
            " address, which leads to this server too (for example https://files.example.com)"
        )
    if urlsplit(settings.files_url).hostname == urlsplit(settings.public_url).hostname:
        raise SettingsError(
            "files_url: another port is no other host, to a browser's cookies at least: name a host"
            " that public_url does not have"
        )


def _require_files_place(settings: Settings) -> None:
    if not settings.files and not settings.database.startswith("sqlite"):
        raise SettingsError(
            "files: a production bank on PostgreSQL has to say where it keeps files: a directory,"
            " or s3://bucket/prefix when it runs on several machines"
        )


def _require_server_key(settings: Settings) -> None:
    if not settings.server_key and not settings.server_key_file:
        raise SettingsError(
            "server_key_file: a production bank needs a server key, make one with `minibank key"
            " create /etc/minibank/server.key` and name it, or set"
            f" {environment_name('server_key')}"
        )
