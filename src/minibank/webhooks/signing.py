"""Signatures of deliveries, by the Standard Webhooks specification (1.0.0).

What is signed is `id.timestamp.body`. A webhook's secret is derived from the bank's server key, the
webhook's id and a version, so that nothing secret is stored; so is the bank's one ed25519 key.
While a server key or a secret is being rotated, both sign: a receiver that knows either is content.
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from minibank.core.keys import ServerKeys, derive, hkdf

Signing = Literal["hmac", "ed25519"]
SIGNINGS: tuple[Signing, ...] = get_args(Signing)

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

OVERLAP_SECONDS = 24 * 3600
"""How long the secret before a rotation signs as well."""

_SANDBOX = hkdf(b"minibank sandbox", b"webhooks")
"""What a sandbox bank without a server key signs with: known to everybody, the same everywhere."""


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Which secrets sign for a webhook: a version, and the one before it while that lives."""

    webhook_id: str
    signing: Signing
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What secrets are derived from: the server key in force and perhaps the one before it."""

    roots: tuple[bytes, ...] = field(default=(_SANDBOX,), repr=False)

    @classmethod
    def of(cls, keys: ServerKeys | None) -> "SigningKeys":
        """From a bank's server keys; from what everybody knows when it has none."""
        if keys is None:
            return cls()
        return cls((keys.current, keys.previous) if keys.previous else (keys.current,))

    def secret(self, webhook_id: str, version: int) -> str:
        """A webhook's secret as receivers are given it: `whsec_` and base64 of 32 bytes."""
        return f"whsec_{_text(_hmac_key(self.roots[0], webhook_id, version))}"

    def public_keys(self) -> list[str]:
        """The bank's ed25519 keys: `whpk_` and base64 of 32 bytes, the one in force first."""
        return [f"whpk_{_text(_Ed25519.of(root).public)}" for root in self.roots]

    def sign(self, secrets: Secrets, delivery_id: str, timestamp: int, body: bytes) -> str:
        """The value of `webhook-signature`: all signatures, separated by spaces."""
        content = b"%b.%d.%b" % (delivery_id.encode(), timestamp, body)
        if secrets.signing == "ed25519":
            return " ".join(f"v1a,{_text(_Ed25519.of(root).sign(content))}" for root in self.roots)
        keys = [
            _hmac_key(root, secrets.webhook_id, version)
            for version in secrets.versions
            for root in self.roots
        ]
        return " ".join(f"v1,{_text(hmac.digest(key, content, 'sha256'))}" for key in keys)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


@lru_cache(maxsize=4096)
def _hmac_key(root: bytes, webhook_id: str, version: int) -> bytes:
    return derive(root, f"webhook secret {webhook_id} {version}")


@dataclass(frozen=True, slots=True)
class _Ed25519:
    """The bank's key pair that follows from a root."""

    public: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)

    @staticmethod
    @lru_cache(maxsize=4)
    def of(root: bytes) -> "_Ed25519":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - slow
            Ed25519PrivateKey,
        )

        private = Ed25519PrivateKey.from_private_bytes(derive(root, "webhook ed25519"))
        return _Ed25519(private.public_key().public_bytes_raw(), private.sign)
