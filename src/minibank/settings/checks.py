"""What only some combinations of settings allow; asked before a server starts."""

from ipaddress import ip_address

from minibank.settings.errors import SettingsError
from minibank.settings.fields import environment_name
from minibank.settings.sources import Loaded


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
    if settings.mode == "production":
        _require_tls_in_front(loaded)
    elif not is_loopback(settings.host) and not loaded.is_named_by_hand("host"):
        raise SettingsError(
            f"host: {loaded.sources['host']} would show a sandbox bank to the network,"
            f" say so with --host {settings.host} or {environment_name('host')}={settings.host}"
        )


def _require_tls_in_front(loaded: Loaded) -> None:
    settings = loaded.settings
    if not settings.trusted_proxies:
        raise SettingsError(
            "trusted_proxies: a production bank speaks plain HTTP only to proxies that it knows,"
            f" name yours (for example {environment_name('trusted_proxies')}=10.0.0.5)"
        )
    if not settings.public_url.startswith("https://"):
        raise SettingsError(
            "public_url: a production bank needs the https:// address under which clients reach it"
        )
