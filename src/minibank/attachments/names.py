"""Names and addresses of files: what clients say is cleaned, what the bank says cannot be guessed.

The address of a file is `/files/<user>/<token>-<name>`: the user's id says in which shard it is
known, the token is drawn (192 bits), and the name is for people.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from typing_extensions import override

from minibank.core.errors import BadParam
from minibank.core.ids import encode, shard_of

FILES = "files"
TOKEN_DIGITS = 33
"""Base-62 digits of 24 bytes."""
NAME_MAX = 100
EXTENSION_MAX = 10
URL_BYTES_MAX = 2048
TYPE_BYTES_MAX = 255
NAMELESS = "file"

_TYPE = re.compile(r"[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(?:[ \t]*;[ -~]*)?")
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def clean_name(text: str) -> str:
    """A file's name as it may be shown and saved: no directory, nothing invisible, not too long.

    What turns writing around or hides (controls, formats, surrogates, unassigned) goes, so that
    `gpj.exe` cannot look like `exe.jpg`; so do leading dots, and what means something to a system.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", text))[-1]
    seen = "".join(" " if one.isspace() else one for one in last if _is_visible(one))
    kept = re.sub(r'[<>:"|?*;%]+', "_", " ".join(seen.split())).strip(". ")
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > EXTENSION_MAX:
        return kept[:NAME_MAX].rstrip(". ") or NAMELESS
    return f"{stem[: NAME_MAX - len(extension) - 1].rstrip('. ') or NAMELESS}.{extension}"


def _is_visible(character: str) -> bool:
    return character.isspace() or not unicodedata.category(character).startswith("C")


def plain_name(name: str) -> str:
    """The same name of ASCII letters and digits alone, for addresses and old programs."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return _ascii(name) or NAMELESS
    return f"{_ascii(stem) or NAMELESS}.{_ascii(extension) or 'bin'}"


def _ascii(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _PLAIN.sub("_", letters).strip("._")


def disposition(name: str, *, inline: bool) -> str:
    """The header `Content-Disposition` (RFC 6266): shown or saved, and under which name."""
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain_name(name)}\"; filename*=UTF-8''{quote(name, safe='')}"


@dataclass(frozen=True, slots=True)
class FilePath:
    """Where one of the bank's own files is: whose, and the last segment, which is the secret."""

    user_id: str
    segment: str

    @classmethod
    def draw(cls, user_id: str, token: bytes, name: str) -> "FilePath":
        """The path of a new file."""
        digits = encode(int.from_bytes(token), TOKEN_DIGITS)
        return cls(user_id, f"{digits}-{plain_name(name)}")

    @property
    def shard(self) -> int | None:
        """The shard in which the file is known; None when the id of no user stands there."""
        return shard_of(self.user_id)

    @property
    def digest(self) -> bytes:
        """What the file is known by: nobody learns the address from the database."""
        return hashlib.sha256(self.segment.encode("utf-8", "surrogateescape")).digest()

    @override
    def __str__(self) -> str:
        return f"/{FILES}/{self.user_id}/{self.segment}"

    @classmethod
    def parse(cls, path: str) -> "FilePath | None":
        """The parts of a path; None for a path that no file of the bank has."""
        parts = [unquote(part) for part in path.split("/") if part]
        if len(parts) != len(("files", "user", "segment")) or parts[0] != FILES:
            return None
        return cls(parts[1], parts[2])


def require_type(file_type: str) -> str:
    """A MIME type as it came; `BadParam` for what is none."""
    if len(file_type) > TYPE_BYTES_MAX or not _TYPE.fullmatch(file_type):
        raise BadParam("file_type", "must be a MIME type such as image/png")
    return file_type


def require_url(url: str) -> str:
    """An address as it came; `BadParam` unless it is an absolute http or https URL.

    Nobody here ever goes there; but apps show it as a link, so it must be no script.
    """
    if len(url) > URL_BYTES_MAX:
        raise BadParam("file_url", f"must have at most {URL_BYTES_MAX:,} bytes")
    if not _URL.fullmatch(url) or not _is_absolute(url):
        raise BadParam("file_url", "must be an absolute URL that begins with http:// or https://")
    return url


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def own_path(url: str, bases: tuple[str, ...]) -> FilePath | None:
    """The file of the bank that an address leads to; None when it leads elsewhere.

    `bases` are what addresses of the bank begin with.
    """
    for base in bases:
        if base and url.startswith(f"{base}/"):
            return FilePath.parse(url.removeprefix(base).partition("?")[0].partition("#")[0])
    return None
