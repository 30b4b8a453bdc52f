"""Certificates as an operator has them: a chain in one file, its key in another."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


def write_pair(
    directory: Path, name: str, authority: trustme.CA, *, days: int = 30, since: int = -1
) -> tuple[Path, Path]:
    """A certificate for localhost, valid from `since` days from today for `days`, and its key."""
    now = datetime.now(UTC)
    leaf = authority.issue_cert(
        "localhost",
        "127.0.0.1",
        common_name=name,
        not_before=now + timedelta(days=since),
        not_after=now + timedelta(days=since + days),
    )
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    key.chmod(0o600)
    return certificate, key


def trusting(ca: Path | trustme.CA) -> ssl.SSLContext:
    """A client's view: it trusts this authority and nobody else."""
    if isinstance(ca, Path):
        return ssl.create_default_context(cafile=str(ca))
    return ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
