"""Certificates: throw-away ones made for development, and whether real ones are valid."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from minibank.app.dev_files import DevFiles
from minibank.app.errors import StartError
from minibank.core.clock import MICROSECONDS, SystemClock

LEAF_DAYS = 397
"""How long a throw-away certificate is valid; some systems accept no longer ones."""
RENEWED_DAYS = 30
"""How many days before its end a throw-away certificate is made anew."""

_PUBLIC, _PRIVATE = 0o644, 0o600


def require_valid(path: Path, content: bytes) -> None:
    """Raise `StartError` unless this is a certificate that is valid at present."""
    try:
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise StartError(f"tls_cert: {path} holds no certificate in PEM form") from error
    now = _now()
    if certificate.not_valid_after_utc <= now:
        raise StartError(
            f"tls_cert: the certificate in {path} expired on"
            f" {certificate.not_valid_after_utc:%Y-%m-%d}: put a new one in its place"
        )
    if certificate.not_valid_before_utc > now:
        raise StartError(
            f"tls_cert: the certificate in {path} is valid only from"
            f" {certificate.not_valid_before_utc:%Y-%m-%d} on"
        )


def expiry_of(content: bytes) -> float:
    """When a certificate in PEM form expires, in seconds since 1970."""
    return x509.load_pem_x509_certificate(content).not_valid_after_utc.timestamp()


def ensure_dev_files(files: DevFiles, names: Sequence[str]) -> None:
    """Keep what there is while it is valid and for all `names`; make anew what is not.

    The authority stays as long as it can, because clients have been told to trust it. Raises
    `OSError` when the directory cannot be used.
    """
    files.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _alone(files.directory):
        authority = _find_authority(files) or _new_authority(files)
        public = authority.cert_pem.bytes()
        if not files.ca.exists() or files.ca.read_bytes() != public:
            _write(files.ca, public, _PUBLIC)
        if not _is_good(files, names):
            _issue(files, authority, names)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Several processes may start, or be told to read their files again, at the same time."""
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, _PRIVATE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _find_authority(files: DevFiles) -> trustme.CA | None:
    try:
        content = files.ca_key.read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
        if not _is_fresh(certificate):
            return None
        return trustme.CA.from_pem(content, content)
    except (FileNotFoundError, ValueError):
        return None


def _new_authority(files: DevFiles) -> trustme.CA:
    authority = trustme.CA(organization_name="minibank, for development only", path_length=0)
    pair = authority.private_key_pem.bytes() + authority.cert_pem.bytes()
    _write(files.ca_key, pair, _PRIVATE)
    return authority


def _issue(files: DevFiles, authority: trustme.CA, names: Sequence[str]) -> None:
    now = _now()
    leaf = authority.issue_cert(
        *names,
        organization_name="minibank",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=LEAF_DAYS),
    )
    _write(files.server, leaf.private_key_and_cert_chain_pem.bytes(), _PRIVATE)


def _is_good(files: DevFiles, names: Sequence[str]) -> bool:
    """Whether the server's certificate is fresh, for all names, and its authority's work."""
    try:
        content = files.server.read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
        key = load_pem_private_key(content, password=None)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(files.ca.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
        return False
    return (
        certificate.public_key() == key.public_key()
        and _is_fresh(certificate)
        and _names_of(certificate) >= set(names)
    )


def _is_fresh(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc > _now() + timedelta(days=RENEWED_DAYS)


def _names_of(certificate: x509.Certificate) -> set[str]:
    kind = x509.SubjectAlternativeName
    try:
        found = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return set()
    addresses = {str(one) for one in found.get_values_for_type(x509.IPAddress)}
    return addresses | set(found.get_values_for_type(x509.DNSName))


def _now() -> datetime:
    # Certificates are about the world outside, whatever the time of the bank.
    return datetime.fromtimestamp(SystemClock().now() / MICROSECONDS, UTC)


def _write(path: Path, content: bytes, mode: int) -> None:
    """At once and whole, and never wider than `mode`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(file, "wb") as out:
        os.fchmod(out.fileno(), mode)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
