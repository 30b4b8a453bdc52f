"""The file that tells scripts about a demo: complete from the moment it is there."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec


def forget_info(path: Path) -> None:
    """Take away what an earlier run left."""
    path.unlink(missing_ok=True)


def write_info(path: Path, content: object) -> None:
    """Write JSON that only its owner may read, at once and whole."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    # Made with its mode, never widened: it holds passwords.
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
