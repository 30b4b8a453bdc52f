"""How the bank is reached: addresses, connections, TLS."""

from dataclasses import dataclass

from minibank.settings.about import HOUR, setting
from minibank.settings.kinds import (
    Boolean,
    Choice,
    Integer,
    Text,
    Texts,
    is_host,
    is_network,
    is_origin,
    is_path,
    is_web_address,
)

_SERVER, _METRICS, _TLS = "Server", "Metrics", "TLS"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How the bank is reached: addresses, connections, TLS."""

    host: str = setting(
        _SERVER,
        Text("an address or a host name to listen on", is_host),
        "Address to listen on. A sandbox bank listens beyond loopback only when the flag or the"
        " environment says so (a file alone does not), and never by plain HTTP unless a proxy is"
        " named.",
        "127.0.0.1",
    )
    port: int = setting(
        _SERVER,
        Integer(0, 65535),
        "TCP port to listen on; 0 takes a free one.",
        8484,
    )
    workers: int = setting(
        _SERVER,
        Integer(1, 64),
        "Server processes. More than one needs PostgreSQL.",
        1,
    )
    public_url: str = setting(
        _SERVER,
        Text("an address such as https://api.example.com, without a path", is_web_address),
        "The address under which clients reach the bank, for the absolute URLs in answers. Empty:"
        " the address it listens on. Production needs one that begins with https://. In a sandbox"
        " bank a request for one of the API's historic host names gets this name in its answer; any"
        " other Host is answered and never repeated.",
        "",
    )
    trusted_proxies: tuple[str, ...] = setting(
        _SERVER,
        Texts("IP addresses or networks, such as 10.0.0.5 or 10.0.0.0/24", is_network),
        "Proxies whose word about the client's address and scheme is believed, as `Forwarded`"
        " (RFC 7239) or as `X-Forwarded-For` and `X-Forwarded-Proto`, read from right to left. Name"
        " nothing that forwards what its own clients claim. Production without a certificate of its"
        " own starts only with at least one.",
        (),
    )
    cors_origins: tuple[str, ...] = setting(
        _SERVER,
        Texts("web origins such as https://app.example.com, or *", is_origin),
        "Web origins whose pages may call the API from a browser; `*` is all of them.",
        ("*",),
        production=(),
    )
    operator_api: bool = setting(
        _SERVER,
        Boolean(),
        "Whether this process answers the operator API, under `/operator`. Without a key nobody"
        " gets anything there.",
        True,
    )
    operator_networks: tuple[str, ...] = setting(
        _SERVER,
        Texts("IP addresses or networks, such as 10.0.0.5 or 10.0.0.0/24", is_network),
        "From where the operator API may be used; empty is from everywhere. Behind a trusted proxy"
        " it is the address that the proxy speaks for.",
        (),
    )
    requests_max: int = setting(
        _SERVER,
        Integer(1, 100_000),
        "Requests that one process works on at a time; more are answered 429 at once.",
        1_000,
    )
    backlog: int = setting(
        _SERVER,
        Integer(1, 65_535),
        "Connections that may wait to be accepted.",
        1_024,
    )
    keep_alive_seconds: int = setting(
        _SERVER,
        Integer(1, HOUR),
        "How long an idle connection stays open.",
        20,
    )
    header_seconds: int = setting(
        _SERVER,
        Integer(1, HOUR),
        "How long a client may take to send the head of a request.",
        10,
    )
    body_grace_seconds: int = setting(
        _SERVER,
        Integer(1, HOUR),
        "How long a client may take to send the body of a request, whatever its size; and how long"
        " the rest of a body may still come after the answer.",
        10,
    )
    body_bytes_per_second_min: int = setting(
        _SERVER,
        Integer(1, 1_000_000),
        "What a body must bring in each second beyond `body_grace_seconds`, on average.",
        1_024,
    )
    drain_seconds: int = setting(
        _SERVER,
        Integer(1, HOUR),
        "How long requests that run may take to finish when the server stops.",
        10,
    )
    metrics_host: str = setting(
        _METRICS,
        Text("an address or a host name to listen on", is_host),
        "Address on which Prometheus finds `/metrics`: plain HTTP, for whoever can reach it.",
        "127.0.0.1",
    )
    metrics_port: int = setting(
        _METRICS,
        Integer(0, 65535),
        "TCP port of `/metrics`; never the port of the API. 0 is none.",
        0,
        production=9484,
    )
    tls: str = setting(
        _TLS,
        Choice(("off", "dev")),
        "`dev` makes a throw-away certificate authority and a certificate for this machine and the"
        " API's historic host names, for a sandbox bank only.",
        "off",
    )
    tls_directory: str = setting(
        _TLS,
        Text("a directory", is_path),
        "Where the files of `dev` are kept. Empty: `minibank-tls` beside the SQLite file, and in"
        " the present directory for a bank on PostgreSQL.",
        "",
    )
    tls_cert: str = setting(
        _TLS,
        Text("a file", is_path),
        "The server's certificate and what leads to its root, in PEM form. SIGHUP reads it again,"
        " for new connections.",
        "",
    )
    tls_key: str = setting(
        _TLS,
        Text("a file", is_path),
        "The private key of `tls_cert`, in PEM form, without a passphrase, and not readable by"
        " everybody.",
        "",
    )

    @property
    def speaks_tls(self) -> bool:
        """Whether the server itself speaks TLS."""
        return self.tls == "dev" or self.tls_cert != ""

    @property
    def scheme(self) -> str:
        """What the addresses of this server begin with."""
        return "https" if self.speaks_tls else "http"
