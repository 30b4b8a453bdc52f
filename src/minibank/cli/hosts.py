"""`minibank hosts`: lead clients with a built-in host name to this bank."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minibank.app.dev_files import dev_files
from minibank.cli.common import FAILED, CommandFailed, JsonFlag, for_a_bank, print_json
from minibank.cli.trust import CA_VARIABLES, exports
from minibank.settings import Loaded
from minibank.settings.hosts import HISTORIC_HOSTS

HTTPS = 443
ADDRESS = "127.0.0.1"


@for_a_bank
def print_hosts(
    loaded: Loaded,
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="Where the bank listens.")
    ] = ADDRESS,
    lines: Annotated[bool, typer.Option("--lines", help="Only the lines for /etc/hosts.")] = False,
    variables: Annotated[
        bool, typer.Option("--variables", help="Only the commands for a shell.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print what leads a client with a built-in host name, such as api.monzo.com, to this bank.

    The names go into /etc/hosts, the variables into the shell that starts the client, and the bank
    listens on port 443 with `--tls dev`, which makes the certificate.

    Examples:

      minibank hosts --lines | sudo tee -a /etc/hosts

      eval "$(minibank hosts --variables)"
    """
    ca = dev_files(loaded.settings).ca
    if not ca.exists():
        raise CommandFailed(
            f"there is no certificate at {ca}: start the bank once with --tls dev", FAILED
        )
    if as_json:
        print_json(
            {
                "address": address,
                "hosts": HISTORIC_HOSTS,
                "ca_file": str(ca),
                "variables": dict.fromkeys(CA_VARIABLES, str(ca)),
            }
        )
        return
    shown = {"lines": hosts_lines(address), "variables": exports(ca)}
    chosen = [name for name, wanted in (("lines", lines), ("variables", variables)) if wanted]
    text = [line for name in chosen for line in shown[name]] or explained(ca, address)
    sys.stdout.write("\n".join(text) + "\n")


def hosts_lines(address: str) -> list[str]:
    """The lines of a hosts file."""
    return [f"{address} {name}" for name in HISTORIC_HOSTS]


def explained(ca: Path, address: str) -> list[str]:
    """Everything, in the order in which it is done."""
    return [
        "# 1. Add to /etc/hosts (minibank hosts --lines | sudo tee -a /etc/hosts):",
        *hosts_lines(address),
        "",
        '# 2. In the shell that starts the client (eval "$(minibank hosts --variables)"):',
        *exports(ca),
        "",
        f"# 3. The client will come to port {HTTPS}: minibank serve --tls dev --port {HTTPS}",
        "#    On Linux this takes root, or once: sysctl net.ipv4.ip_unprivileged_port_start=443",
        "# Take the lines out of /etc/hosts afterwards: until then these names lead here for all.",
    ]
