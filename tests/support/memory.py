"""Where files of a run of the tests live in memory: nothing in them outlasts the run anyway."""

import os
import shutil
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")
"""Linux keeps what lies here in memory; other systems have no such directory."""
ROOM_MIN = 2 * 2**30
"""Bytes that must be free: a run writes a tenth of it, and containers often get little."""


def memory_directory() -> Path | None:
    """A directory in memory with room for a run, None on a machine that has none."""
    if not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        return None
    return _SHARED_MEMORY if shutil.disk_usage(_SHARED_MEMORY).free >= ROOM_MIN else None
