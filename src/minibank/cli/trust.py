"""How a client is told to trust the certificate that a sandbox bank made for itself."""

import shlex
from pathlib import Path

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Where programs look for whom to trust: those on OpenSSL and Go, requests, curl, Node.

Node adds it to what it trusts already; the others then trust nobody else.
"""


def exports(ca: Path) -> list[str]:
    """Lines for a POSIX shell, from where on its programs trust this certificate."""
    return [f"export {name}={shlex.quote(str(ca))}" for name in CA_VARIABLES]


def how_to_trust(ca: Path) -> str:
    """What to paste into a shell whose programs are to trust the bank."""
    lines = [
        "# The bank made its own certificate. Trust it in the shell that starts a client:",
        f"CA={shlex.quote(str(ca))}",
        *(f'export {name}="$CA"' for name in CA_VARIABLES),
        '# Or for one command: curl --cacert "$CA"',
    ]
    return "\n".join(lines)
