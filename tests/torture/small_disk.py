"""Run a command that sees a small disk where everybody else sees an empty directory.

    python tests/torture/small_disk.py DIRECTORY BYTES USER GROUP [FILE ...] -- COMMAND ...

The disk is a file system of its own, in memory, in a namespace of the command and its children; it
is gone when they are. Copies of the files are on it at first. Linux only; needs no privilege where
users may make namespaces. The command runs as this user and group, by their numbers, to whom the
disk belongs.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_PR_SET_PDEATHSIG = 1
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 0x4000, 1 << 18


def _call(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(directory: Path, size: int, user: int, group: int) -> None:
    """Give this process a namespace of its own with a small disk at `directory`.

    Without a size what is there stays, and can only be read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        _call(libc.unshare(_CLONE_NEWNS))
    else:
        _call(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
    place = os.fsencode(directory)
    if size == 0:
        _call(libc.mount(place, place, None, _MS_BIND, None))
        _call(libc.mount(None, place, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY, None))
        return
    options = f"size={size},mode=700,uid={user},gid={group}".encode()
    _call(libc.mount(b"tmpfs", place, b"tmpfs", 0, options))


def launcher(directory: Path, size: int, *copied: Path, **who: Any) -> list[str]:
    """The beginning of a command that is to see a small disk, with these files, at `directory`.

    `who` is what `ordinary_user` says; nothing means ourselves.
    """
    user, group = who.get("user", os.geteuid()), who.get("group", os.getegid())
    module = [sys.executable, str(Path(__file__).resolve())]
    return [*module, str(directory), str(size), str(user), str(group), *map(str, copied), "--"]


def read_only(directory: Path) -> list[str]:
    """The beginning of a command that sees `directory` as it is and cannot write to it."""
    return launcher(directory, 0)


def can_be_had() -> bool:
    """Whether this machine lets us have one."""
    said = subprocess.run([*launcher(Path("/tmp"), 2**20), "true"], capture_output=True)
    return said.returncode == 0


def seen_from_outside(pid: int, directory: Path) -> Path:
    """Where others than the process and its children see its disk."""
    return Path(f"/proc/{pid}/root{directory}")


def fill(directory: Path) -> Path:
    """Leave no room on the disk at `directory`; the file to remove when there is to be some."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (65536, 4096):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
    return filler


def main(arguments: list[str]) -> None:
    """Become the command."""
    place = arguments.index("--")
    size, user, group = map(int, arguments[1:4])
    mount(Path(arguments[0]), size, user, group)
    for file in arguments[4:place]:
        shutil.copy(file, arguments[0])
    if user != os.geteuid():
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        # To become somebody else forgets it: the end of whoever started us is our end.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
    command = arguments[place + 1 :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
