"""Leads a client with a built-in host name to a demo, as `minibank hosts` says it is done.

There are two ways. "namespace" is the real one: a hosts file and port 443, in namespaces of their
own so that nothing else on the machine notices. Where the system allows no namespaces "resolver"
replaces both for one Python process; certificate and variables are the same.
"""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.compatibility.demo import COMMAND, running_demo

ROOT = Path(__file__).resolve().parents[2]
RESOLVER = Path(__file__).parent / "resolver"
NAMESPACES = ["unshare", "--map-root-user", "--mount", "--net", "--"]
SECONDS = 60

_SET_FLAGS, _UP = 0x8914, 1


def can_have_namespaces() -> bool:
    """Whether this system lets us have a network and a file tree of our own."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    hosts = "/etc/hosts"
    tried = subprocess.run(
        [*NAMESPACES, "mount", "--bind", hosts, hosts], capture_output=True, check=False
    )
    return tried.returncode == 0


def lead(way: str, directory: Path, program: Path, script: Path) -> Any:
    """What the script, run by `program`, reports of a demo whose host it has built in."""
    arguments = [str(directory), str(program), str(script)]
    around = NAMESPACES if way == "namespace" else []
    done = subprocess.run(
        [*around, sys.executable, "-m", "tests.compatibility.leading", way, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def main(way: str, directory: Path, program: Path, script: Path) -> None:
    """Within the namespaces, if there are any: start a demo, lead the client to it."""
    flags = ["--tls", "dev"]
    if way == "namespace":
        _bring_loopback_up()
        flags += ["--port", "443"]
    with running_demo(directory, *flags) as bank:
        database = f"sqlite:///{directory}/bank/bank.db"
        said = _minibank("hosts", "--json", "--database", database)
        hosts = json.loads(said)
        variables = {"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONPATH": str(ROOT)}
        variables |= hosts["variables"]
        if way == "namespace":
            _lead_by_hosts_file(directory, _minibank("hosts", "--lines", "--database", database))
        else:
            port = int(bank.base_url.rpartition(":")[2])
            variables["PYTHONPATH"] = f"{RESOLVER}{os.pathsep}{ROOT}"
            variables["LED_HOSTS"] = json.dumps({"hosts": hosts["hosts"], "port": port})
        command = [str(program), str(script), str(bank.info_file)]
        subprocess.run(command, env=variables, timeout=SECONDS, check=True)


def _minibank(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _bring_loopback_up() -> None:
    """The loopback interface of a new network is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


def _lead_by_hosts_file(directory: Path, lines: str) -> None:
    """Add lines to /etc/hosts, in this namespace only."""
    own = directory / "hosts"
    own.write_text(Path("/etc/hosts").read_text() + "\n" + lines)
    subprocess.run(["mount", "--bind", str(own), "/etc/hosts"], check=True)


if __name__ == "__main__":
    main(sys.argv[1], *(Path(text) for text in sys.argv[2:5]))
