"""TLS: the certificate that the server shows, checked at the start and when it is read again."""

import os
import ssl
import stat
from pathlib import Path
from typing import NoReturn

from minibank.app.dev_files import dev_files, dev_names
from minibank.app.errors import StartError
from minibank.settings import Settings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What TLS 1.2 may use: forward secrecy and authenticated encryption only (RFC 9325, 4.2)."""

_READABLE_BY_OTHERS = stat.S_IRWXO


class ServerTls:
    """The TLS side of a server: `context` is what its sockets use.

    `ends_at` is when its certificate expires, in seconds since 1970.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises `StartError` when the certificate or its key will not do."""
        self._settings = settings
        self.context = _new_context()
        self.ends_at = 0.0
        self.reload()

    def reload(self) -> None:
        """Read the files again; new connections see what they hold.

        Raises `StartError`, and goes on with the former certificate, when they will not do.
        """
        certificate, key = _prepared(self._settings)
        # Into a context that nobody uses first: a failure half-way must change nothing.
        for context in (_new_context(), self.context):
            _load(context, certificate, key)
        self.ends_at = _ends_at(certificate)


def open_tls(settings: Settings) -> ServerTls | None:
    """The TLS side that the settings want; None for plain HTTP. Raises `StartError`."""
    return ServerTls(settings) if settings.speaks_tls else None


def _prepared(settings: Settings) -> tuple[Path, Path]:
    """The files of the certificate and of its key, made or checked."""
    # A bank that speaks plain HTTP starts a tenth of a second sooner without these libraries.
    from minibank.app.certificates import ensure_dev_files, require_valid  # noqa: PLC0415 - slow

    if settings.tls == "dev":
        files = dev_files(settings)
        try:
            ensure_dev_files(files, dev_names(settings))
        except OSError as error:
            raise StartError(
                f"tls: certificates cannot be kept in {files.directory}: {error.strerror}"
            ) from error
        return files.server, files.server
    certificate, key = Path(settings.tls_cert), Path(settings.tls_key)
    _require_private(key)
    require_valid(certificate, _read("tls_cert", certificate))
    return certificate, key


def _ends_at(certificate: Path) -> float:
    from minibank.app.certificates import expiry_of  # noqa: PLC0415 - slow

    return expiry_of(certificate.read_bytes())


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{name}: {path} cannot be read: {error.strerror}") from error


def _require_private(key: Path) -> None:
    _read("tls_key", key)
    if os.stat(key).st_mode & _READABLE_BY_OTHERS:
        raise StartError(f"tls_key: {key} is open to everybody on this machine: chmod 600 {key}")


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    def passphrase() -> NoReturn:
        # Without this the library would ask for one on the terminal, and wait.
        raise StartError(f"tls_key: {key} is protected by a passphrase, and a server has none")

    try:
        context.load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise StartError(f"tls_key: {key} is not the key of {certificate}") from error
        raise StartError(
            f"tls_key: {certificate} and {key} cannot be used: {error.reason or error}"
        ) from error
    except OSError as error:
        raise StartError(f"tls_key: {key} cannot be read: {error.strerror}") from error
