"""Every setting there is: its meaning, unit, default in each preset and what is allowed.

This is the one place. Flags, environment names, the TOML file, `minibank settings` and
docs/reference/settings.md all follow from it.
"""

# ruff: noqa: RUF009 - `_setting` makes a dataclass field

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast

from minibank.settings.about import Setting
from minibank.settings.about import setting as _setting
from minibank.settings.kinds import (
    Boolean,
    Choice,
    Integer,
    Text,
    Texts,
    is_database_url,
    is_host,
    is_network,
    is_origin,
    is_path,
    is_web_address,
    matches,
)

Mode = Literal["sandbox", "production"]
MODES: tuple[Mode, ...] = ("sandbox", "production")

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


_BANK, _DATABASE, _SERVER, _TLS, _TOKENS = "The bank", "Database", "Server", "TLS", "Tokens"
_PASSWORDS, _MONEY, _DUE, _LOGS = "Passwords", "Payments", "Due work", "Logs"
_LIMITS = "Limits on requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All an operator can set, frozen; without arguments it is the sandbox preset."""

    mode: Mode = _setting(
        _BANK,
        Choice(MODES),
        "What kind of bank this is, and the preset of all defaults. `sandbox` is for developing"
        " against; `production` is for customers of your own, and starts only with a certificate or"
        " behind a named proxy that speaks TLS. The kind is written into the database when the bank"
        " is created.",
        "sandbox",
        production="production",
    )
    sort_code: str = _setting(
        _BANK,
        Text("six digits", matches(r"\d{6}")),
        "Sort code of new accounts.",
        "009900",
    )
    bic: str = _setting(
        _BANK,
        Text(
            "a BIC of eight characters whose country is GB, such as MINIGB2L",
            matches(r"[A-Z]{4}GB[A-Z0-9]{2}"),
        ),
        "The bank's identifier code (ISO 9362); its first four letters go into the IBANs of new"
        " accounts.",
        "MINIGB2L",
    )
    database: str = _setting(
        _DATABASE,
        Text(
            "sqlite:///path/to/bank.db or postgresql://user@host/name",
            is_database_url,
        ),
        "Where the bank is kept: `sqlite:///bank.db` is a file in the present directory,"
        " `sqlite:////srv/bank.db` one with an absolute path, `postgresql://user:password@host/name`"
        " a PostgreSQL database.",
        "sqlite:///minibank.db",
    )
    server_key_file: str = _setting(
        _BANK,
        Text("the path of a file", lambda _: True),
        "The file with the bank's server key, made by `minibank key create`: checkpoints are signed"
        " with what is derived from it. Only its owner may be able to read it.",
        "",
    )
    connections_max: int = _setting(
        _DATABASE,
        Integer(2, 1000),
        "PostgreSQL connections that each server process may open.",
        10,
    )
    host: str = _setting(
        _SERVER,
        Text("an address or a host name to listen on", is_host),
        "Address to listen on. A sandbox bank listens beyond loopback only when the flag or the"
        " environment says so (a file alone does not), and never by plain HTTP unless a proxy is"
        " named.",
        "127.0.0.1",
    )
    port: int = _setting(
        _SERVER,
        Integer(0, 65535),
        "TCP port to listen on; 0 takes a free one.",
        8484,
    )
    workers: int = _setting(
        _SERVER,
        Integer(1, 64),
        "Server processes. More than one needs PostgreSQL.",
        1,
    )
    public_url: str = _setting(
        _SERVER,
        Text("an address such as https://api.example.com, without a path", is_web_address),
        "The address under which clients reach the bank, for the absolute URLs in answers. Empty:"
        " the address it listens on. Production needs one that begins with https://. In a sandbox"
        " bank a request for one of the API's historic host names gets this name in its answer; any"
        " other Host is answered and never repeated.",
        "",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        _SERVER,
        Texts("IP addresses or networks, such as 10.0.0.5 or 10.0.0.0/24", is_network),
        "Proxies whose word about the client's address and scheme is believed, as `Forwarded`"
        " (RFC 7239) or as `X-Forwarded-For` and `X-Forwarded-Proto`, read from right to left. Name"
        " nothing that forwards what its own clients claim. Production without a certificate of its"
        " own starts only with at least one.",
        (),
    )
    cors_origins: tuple[str, ...] = _setting(
        _SERVER,
        Texts("web origins such as https://app.example.com, or *", is_origin),
        "Web origins whose pages may call the API from a browser; `*` is all of them.",
        ("*",),
        production=(),
    )
    requests_max: int = _setting(
        _SERVER,
        Integer(1, 100_000),
        "Requests that one process works on at a time; more are answered 429 at once.",
        1_000,
    )
    backlog: int = _setting(
        _SERVER,
        Integer(1, 65_535),
        "Connections that may wait to be accepted.",
        1_024,
    )
    keep_alive_seconds: int = _setting(
        _SERVER,
        Integer(1, HOUR),
        "How long an idle connection stays open.",
        20,
    )
    header_seconds: int = _setting(
        _SERVER,
        Integer(1, HOUR),
        "How long a client may take to send the head of a request.",
        10,
    )
    body_grace_seconds: int = _setting(
        _SERVER,
        Integer(1, HOUR),
        "How long a client may take to send the body of a request, whatever its size; and how long"
        " the rest of a body may still come after the answer.",
        10,
    )
    body_bytes_per_second_min: int = _setting(
        _SERVER,
        Integer(1, 1_000_000),
        "What a body must bring in each second beyond `body_grace_seconds`, on average.",
        1_024,
    )
    drain_seconds: int = _setting(
        _SERVER,
        Integer(1, HOUR),
        "How long requests that run may take to finish when the server stops.",
        10,
    )
    tls: str = _setting(
        _TLS,
        Choice(("off", "dev")),
        "`dev` makes a throw-away certificate authority and a certificate for this machine and the"
        " API's historic host names, for a sandbox bank only.",
        "off",
    )
    tls_directory: str = _setting(
        _TLS,
        Text("a directory", is_path),
        "Where the files of `dev` are kept. Empty: `minibank-tls` beside the SQLite file, and in"
        " the present directory for a bank on PostgreSQL.",
        "",
    )
    tls_cert: str = _setting(
        _TLS,
        Text("a file", is_path),
        "The server's certificate and what leads to its root, in PEM form. SIGHUP reads it again,"
        " for new connections.",
        "",
    )
    tls_key: str = _setting(
        _TLS,
        Text("a file", is_path),
        "The private key of `tls_cert`, in PEM form, without a passphrase, and not readable by"
        " everybody.",
        "",
    )
    rate_address_per_minute: int = _setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "Requests from one network address (for IPv6 its /64) that each process answers in a"
        " minute, evenly or at once; 0 is no limit.",
        0,
        production=6_000,
    )
    rate_token_address_per_minute: int = _setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for requests to `/oauth2/token`, which count as other requests too.",
        0,
        production=120,
    )
    rate_client_per_minute: int = _setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for one OAuth client, whatever the address.",
        0,
        production=60_000,
    )
    rate_user_per_minute: int = _setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for one user through one client.",
        0,
        production=1_200,
    )
    rate_subjects_max: int = _setting(
        _LIMITS,
        Integer(100, 10_000_000),
        "How many addresses, clients, users and tokens, of each, a process remembers for these"
        " limits; the longest unused are forgotten first. One takes some 300 bytes.",
        100_000,
    )
    client_requests_max: int = _setting(
        _LIMITS,
        Integer(0, 100_000),
        "Requests of one client that each process works on at a time, so that one that sends many"
        " leaves room for the others; the next wait. 0 is no limit.",
        0,
        production=2,
    )
    client_waiting_max: int = _setting(
        _LIMITS,
        Integer(0, 100_000),
        "Requests of one client that may wait for that; more are answered 429 at once.",
        200,
    )
    access_token_seconds: int = _setting(
        _TOKENS,
        Integer(1, 366 * DAY),
        "How long an access token works.",
        6 * HOUR,
    )
    refresh_token_seconds: int = _setting(
        _TOKENS,
        Integer(0, 3660 * DAY),
        "How long a refresh token works; 0 is for ever.",
        0,
    )
    revoke_on_refresh_reuse: bool = _setting(
        _TOKENS,
        Boolean(),
        "Whether a spent refresh token that is used again also ends the tokens that replaced it"
        " (RFC 9700, section 4.14.2). It is refused and recorded in any case.",
        False,
        production=True,
    )
    evicted_token_seconds: int = _setting(
        _TOKENS,
        Integer(0, 3660 * DAY),
        "How long the digests of former tokens are kept, to say that a token was replaced and to"
        " notice the reuse of a spent one.",
        30 * DAY,
    )
    client_secret_overlap_seconds: int = _setting(
        _TOKENS,
        Integer(0, 366 * DAY),
        "How long a client's former secret still works after a rotation.",
        DAY,
    )
    password_grant: bool = _setting(
        _PASSWORDS,
        Boolean(),
        "Whether clients may exchange a user's e-mail and password for a token at all; a client"
        " also needs `password` among its grants.",
        True,
    )
    password_failures_max: int = _setting(
        _PASSWORDS,
        Integer(1, 1_000_000),
        "Wrong passwords for one client and e-mail within the window after which right ones are"
        " answered like wrong ones.",
        10,
    )
    password_failures_address_max: int = _setting(
        _PASSWORDS,
        Integer(1, 1_000_000),
        "The same for one network address, whatever the client and e-mail; a house or an office is"
        " often one address.",
        100,
    )
    password_failures_window_seconds: int = _setting(
        _PASSWORDS,
        Integer(1, 366 * DAY),
        "The window in which wrong passwords are counted.",
        15 * MINUTE,
    )
    hold_seconds: int = _setting(
        _MONEY,
        Integer(1, 366 * DAY),
        "How long a card authorisation holds money until it expires.",
        7 * DAY,
    )
    queue_max: int = _setting(
        _MONEY,
        Integer(1, 1_000_000),
        "Commands that may wait for the money engine; more are answered 429.",
        10_000,
    )
    queue_wait_seconds: int = _setting(
        _MONEY,
        Integer(1, HOUR),
        "How long a command may wait for the money engine; later it is answered 504, undone.",
        5,
    )
    batch_max: int = _setting(
        _MONEY,
        Integer(1, 10_000),
        "Commands that the money engine executes in one unit of work.",
        500,
    )
    due_work_poll_seconds: int = _setting(
        _DUE,
        Integer(1, HOUR),
        "How often a process looks for work that has fallen due, such as holds that expire.",
        5,
    )
    due_work_lease_seconds: int = _setting(
        _DUE,
        Integer(1, DAY),
        "How long a process has the work it claimed to itself; after that another may take it.",
        60,
    )
    log_level: str = _setting(
        _LOGS,
        Choice(("debug", "info", "warning", "error")),
        "The least important messages that are logged.",
        "info",
    )

    @property
    def speaks_tls(self) -> bool:
        """Whether the server itself speaks TLS."""
        return self.tls == "dev" or self.tls_cert != ""

    @property
    def scheme(self) -> str:
        """What the addresses of this server begin with."""
        return "https" if self.speaks_tls else "http"


SETTINGS: dict[str, Setting] = {
    each.name: cast(Setting, each.metadata["setting"]) for each in fields(Settings)
}
"""What is known about each setting, by name, in the order of the documentation."""


def environment_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"MINIBANK_{name.upper()}"


def preset(mode: Mode, **changes: Any) -> Settings:  # noqa: ANN401 - the fields differ
    """The settings of a preset, with these changes."""
    defaults: dict[str, Any] = {name: about.preset(mode) for name, about in SETTINGS.items()}
    return replace(Settings(**defaults), **changes)
