"""The kinds of value a setting may have: how each is read, and how to say what is allowed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol
from urllib.parse import urlsplit

from minibank.core.keys import KeyFileError, parse_keys

Value = str | int | bool | tuple[str, ...]


class Kind(Protocol):
    """Reads a setting's value from text (a flag, the environment) or from TOML.

    Both readers raise `ValueError` for what is not allowed; `allowed` then completes the sentence
    "... is not allowed, use ...".
    """

    @property
    def allowed(self) -> str:
        """What may be written, for people."""
        ...

    def from_text(self, text: str) -> Value:
        """The value that a flag or an environment variable means."""
        ...

    def from_toml(self, value: object) -> Value:
        """The value that a TOML file means."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string that a check accepts."""

    allowed: str
    accepts: Callable[[str], bool]

    def from_text(self, text: str) -> str:
        """See `Kind.from_text`."""
        if not self.accepts(text):
            raise ValueError
        return text

    def from_toml(self, value: object) -> str:
        """See `Kind.from_toml`."""
        if not isinstance(value, str):
            raise ValueError
        return self.from_text(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """See `Kind.allowed`."""
        return " or ".join(self.options)

    def from_text(self, text: str) -> str:
        """See `Kind.from_text`."""
        if text not in self.options:
            raise ValueError
        return text

    def from_toml(self, value: object) -> str:
        """See `Kind.from_toml`."""
        if not isinstance(value, str):
            raise ValueError
        return self.from_text(value)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within bounds."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        """See `Kind.allowed`."""
        return f"a whole number from {self.low} to {self.high}"

    def from_text(self, text: str) -> int:
        """See `Kind.from_text`."""
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
            raise ValueError
        return self.from_toml(int(text))

    def from_toml(self, value: object) -> int:
        """See `Kind.from_toml`."""
        # A boolean is an integer to Python, and a mistake to everybody else.
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError
        if not self.low <= value <= self.high:
            raise ValueError
        return value


_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Boolean:
    """Yes or no."""

    allowed: str = "true or false"

    def from_text(self, text: str) -> bool:
        """See `Kind.from_text`."""
        word = _WORDS.get(text.lower())
        if word is None:
            raise ValueError
        return word

    def from_toml(self, value: object) -> bool:
        """See `Kind.from_toml`."""
        if not isinstance(value, bool):
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of strings, each of which a check accepts; in text they are separated by commas."""

    allowed: str
    accepts: Callable[[str], bool]

    def from_text(self, text: str) -> tuple[str, ...]:
        """See `Kind.from_text`."""
        return self.from_toml([part.strip() for part in text.split(",") if part.strip()])

    def from_toml(self, value: object) -> tuple[str, ...]:
        """See `Kind.from_toml`."""
        if not isinstance(value, list):
            raise ValueError
        if not all(isinstance(part, str) and self.accepts(part) for part in value):
            raise ValueError
        return tuple(value)


def is_database_url(text: str) -> bool:
    """Whether it names a SQLite file or a PostgreSQL database."""
    if text.startswith("sqlite:///"):
        return len(text) > len("sqlite:///")
    # A socket in the file system has no host: postgresql:///bank?host=/run/postgresql.
    return _is_url(text, ("postgresql", "postgres")) or (
        text.startswith(("postgresql://", "postgres://")) and len(urlsplit(text).path) > 1
    )


def is_files_place(text: str) -> bool:
    """Whether it is empty, names a directory, or a bucket and perhaps a prefix in it."""
    if "://" not in text:
        return is_path(text)
    parts = urlsplit(text)
    bucket = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc)
    is_plain = parts.query == parts.fragment == "" and "//" not in parts.path
    return parts.scheme == "s3" and bucket is not None and is_plain


def is_web_address(text: str) -> bool:
    """Whether it is empty, or `http(s)://host[:port]` with nothing behind."""
    return text == "" or (_is_url(text, ("http", "https")) and urlsplit(text)[2:] == ("", "", ""))


def is_origin(text: str) -> bool:
    """Whether it is a web origin (RFC 6454), or `*` for all of them."""
    return text == "*" or (text != "" and is_web_address(text))


def is_network(text: str) -> bool:
    """Whether it is an IP address or a network in CIDR form."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def is_host(text: str) -> bool:
    """Whether it can be a host name or an IP address to listen on."""
    return re.fullmatch(r"[0-9A-Za-z.:_\-]{1,253}", text) is not None


def is_path(text: str) -> bool:
    """Whether it can name a file or directory; empty is none."""
    return "\0" not in text


def is_server_key(text: str) -> bool:
    """Whether it is empty, or one or two server keys."""
    try:
        return text == "" or parse_keys(text, "") is not None
    except KeyFileError:
        return False


def matches(pattern: str) -> Callable[[str], bool]:
    """A check that the whole text has this form."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port is what raises for a port that is no number.
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
