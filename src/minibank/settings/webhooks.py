"""How webhooks are called, how often, and where the bank may connect to."""

from dataclasses import dataclass

from minibank.settings.about import DAY, HOUR, setting
from minibank.settings.kinds import Boolean, Choice, Integer, Text, Texts, is_network, is_path

_WEBHOOKS = "Webhooks"

DELAYS_MAX = 50
_POLICIES = ("mondo5", "standard", "stripe72h", "custom")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535


def _is_delay(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= 31 * DAY


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """How webhooks are called, how often, and where the bank may connect to."""

    webhooks_sent_by_serve: bool = setting(
        _WEBHOOKS,
        Boolean(),
        "Whether the processes of `minibank serve` call webhooks. Where they do not,"
        " `minibank worker` has to.",
        True,
    )
    webhook_networks: tuple[str, ...] = setting(
        _WEBHOOKS,
        Texts("IP addresses or networks, such as 127.0.0.0/8 or 10.1.0.0/16", is_network),
        "Networks that are not public and whose receivers the bank calls all the same. The link of"
        " the machine itself (169.254.0.0/16, fe80::/10), where clouds have their metadata, and"
        " groups are never called.",
        ("127.0.0.0/8", "::1/128"),
        production=(),
    )
    webhook_ports: tuple[str, ...] = setting(
        _WEBHOOKS,
        Texts("port numbers such as 443", _is_port),
        "Ports that are called; empty is all of them.",
        (),
        production=("80", "443", "8080", "8443"),
    )
    webhook_ca_file: str = setting(
        _WEBHOOKS,
        Text("a file", is_path),
        "Certificates, in PEM form, that vouch for receivers besides those of the system.",
        "",
    )
    webhook_retry_policy: str = setting(
        _WEBHOOKS,
        Choice(_POLICIES),
        "How attempts are spaced for webhooks that name no policy: `mondo5` is five attempts (at"
        " once, then 10 s, 60 s, 6 min and 36 min after the one before) and never disables a"
        " webhook; `standard` ten in 75 hours, as the Standard Webhooks specification has it;"
        " `stripe72h` eleven in 72 hours; both give a webhook up whose attempts have failed for"
        " days, or whose receiver answers 410. `custom` is what `webhook_retry_delays` says.",
        "mondo5",
    )
    webhook_retry_delays: tuple[str, ...] = setting(
        _WEBHOOKS,
        Texts("seconds such as 1, 5 and 30", _is_delay),
        f"For `custom`: the seconds between an attempt and the next, {DELAYS_MAX} at most; each is"
        " drawn within a fifth of what it says. Empty is one attempt.",
        ("1", "2", "4"),
    )
    webhook_disable_after_seconds: int = setting(
        _WEBHOOKS,
        Integer(0, 366 * DAY),
        "For `custom`: a webhook whose attempts have all failed for so long is disabled; 0 is"
        " never.",
        0,
    )
    webhook_target_concurrency: int = setting(
        _WEBHOOKS,
        Integer(1, 1_000),
        "Requests that each process makes at a time to one receiver: one client's webhooks at one"
        " scheme, host and port.",
        8,
    )
    webhook_claims_max: int = setting(
        _WEBHOOKS,
        Integer(1, 100_000),
        "Deliveries that one process has in hand at a time, sent or about to be.",
        1_000,
    )
    webhook_lease_seconds: int = setting(
        _WEBHOOKS,
        Integer(12, HOUR),
        "How long a process has a delivery it claimed to itself; after that another may send it.",
        60,
    )
    webhook_poll_seconds: int = setting(
        _WEBHOOKS,
        Integer(1, HOUR),
        "How often a process looks for deliveries that nobody woke it for.",
        1,
    )
    webhook_kept_days: int = setting(
        _WEBHOOKS,
        Integer(1, 3660),
        "How long deliveries that are over, and their attempts, are kept.",
        30,
    )
    event_streams_max: int = setting(
        _WEBHOOKS,
        Integer(0, 100_000),
        "Answers of `/events` that each process keeps open at a time; more are answered 429.",
        200,
    )
