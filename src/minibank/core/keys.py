"""Keys that are derived, not stored: HKDF (RFC 5869) from the bank's server key.

The server key is a file that only its owner may read, or a value of the environment: base64 of 32
bytes or more, a key a line (or between commas), the one in force first. A second one is the key
before it, which still verifies what it signed.
"""

import base64
import hashlib
import hmac
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32
KEYS_MAX = 2


class KeyFileError(ValueError):
    """A server key that cannot be used; the message says why, and never what it is."""


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The key in force, and the one before it if it is still live."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The names of the live keys, the one in force first."""
        live = [self.current, *([self.previous] if self.previous else [])]
        return tuple(fingerprint(key) for key in live)

    def sign(self, purpose: str, message: bytes) -> bytes:
        """HMAC-SHA256 over the message with the key in force, good for this purpose only."""
        return hmac.digest(derive(self.current, purpose), message, "sha256")

    def verifies(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether a live key made this signature over this message for this purpose."""
        keys = [self.current, *([self.previous] if self.previous else [])]
        made = [hmac.digest(derive(key, purpose), message, "sha256") for key in keys]
        # A list, because a generator would stop at the first match.
        return any([hmac.compare_digest(one, signature) for one in made])  # noqa: C419


def derive(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose."""
    return hkdf(key, f"minibank {purpose}".encode())


def hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF with SHA-256 (RFC 5869), without a salt and one block, 32 bytes, long."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def fingerprint(key: bytes) -> str:
    """A name for a key that tells nothing about it."""
    return derive(key, "fingerprint").hex()[:16]


def write_new_key(path: Path, secret: bytes) -> ServerKeys:
    """Make this key the one in force in the file at `path`; the one before it stays live.

    The file is replaced whole. Raises `KeyFileError` when it is there and cannot be read.
    """
    assert len(secret) >= KEY_BYTES, "a server key is long"
    before = read_keys(path).current if path.exists() else None
    lines = [base64.b64encode(key).decode() for key in (secret, before) if key]
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return ServerKeys(secret, before)


def read_keys(path: Path) -> ServerKeys:
    """The keys in a file; `KeyFileError` when it is missing, too open or holds something else."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"the server key file {path} may be read by others: chmod 600 it")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the server key file {path} cannot be read") from error
    return parse_keys(text, f"the server key file {path}")


def parse_keys(text: str, source: str) -> ServerKeys:
    """The keys in a text, the one in force first; `KeyFileError`, naming the source, for others."""
    try:
        keys = [base64.b64decode(key, validate=True) for key in text.replace(",", " ").split()]
    except ValueError as error:
        raise KeyFileError(f"{source} holds something else than keys") from error
    if not 1 <= len(keys) <= KEYS_MAX or any(len(key) < KEY_BYTES for key in keys):
        raise KeyFileError(f"{source} must hold one or two keys of {KEY_BYTES} bytes or more")
    return ServerKeys(*keys)
