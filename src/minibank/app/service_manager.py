"""What systemd is told, when it started the bank and wants to know: sd_notify(3)."""

import os
import socket
from contextlib import suppress

from minibank.core.clock import MICROSECONDS, Clock

ADDRESS = "NOTIFY_SOCKET"
"""The variable that says where; processes that this one starts do not get it."""

READY = "READY=1"
STOPPING = "STOPPING=1"


def is_managed() -> bool:
    """Whether a service manager listens."""
    return os.environ.get(ADDRESS, "")[:1] in {"/", "@"}


def reloading(clock: Clock) -> str:
    """That settings are read again, until `READY` comes."""
    return f"RELOADING=1\nMONOTONIC_USEC={int(clock.monotonic() * MICROSECONDS)}"


def notify(state: str) -> None:
    """Send a state; nothing happens when nobody listens."""
    if not is_managed():
        return
    address = os.environ[ADDRESS].replace("@", "\0", 1)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), address)
