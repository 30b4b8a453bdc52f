"""How many requests are answered, and how much clients may keep."""

from dataclasses import dataclass

from minibank.settings.about import DAY, HOUR, setting
from minibank.settings.kinds import Integer

_LIMITS, _KEPT = "Limits on requests", "Limits on what clients keep"


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """How many requests are answered, and how much clients may keep."""

    rate_address_per_minute: int = setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "Requests from one network address (for IPv6 its /64) that each process answers in a"
        " minute, evenly or at once; 0 is no limit.",
        0,
        production=6_000,
    )
    rate_token_address_per_minute: int = setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for requests to `/oauth2/token`, which count as other requests too.",
        0,
        production=120,
    )
    rate_client_per_minute: int = setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for one OAuth client, whatever the address.",
        0,
        production=60_000,
    )
    rate_user_per_minute: int = setting(
        _LIMITS,
        Integer(0, 1_000_000),
        "The same for one user through one client.",
        0,
        production=1_200,
    )
    rate_subjects_max: int = setting(
        _LIMITS,
        Integer(100, 10_000_000),
        "How many addresses, clients, users and tokens, of each, a process remembers for these"
        " limits; the longest unused are forgotten first. One takes some 300 bytes.",
        100_000,
    )
    client_requests_max: int = setting(
        _LIMITS,
        Integer(0, 100_000),
        "Requests of one client that each process works on at a time, so that one that sends many"
        " leaves room for the others; the next wait. 0 is no limit.",
        0,
        production=2,
    )
    client_waiting_max: int = setting(
        _LIMITS,
        Integer(0, 100_000),
        "Requests of one client that may wait for that; more are answered 429 at once.",
        200,
    )
    uploads_max: int = setting(
        _LIMITS,
        Integer(1, 100_000),
        "Files that each process takes in at a time, four of them of one user; more are answered"
        " 429.",
        64,
    )
    feed_items_per_day: int = setting(
        _KEPT,
        Integer(1, 1_000_000),
        "Items that one client may put on the feed of one account in a day (UTC); more are answered"
        " 429.",
        1000,
    )
    feed_key_seconds: int = setting(
        _KEPT,
        Integer(60, 366 * DAY),
        "How long the `Idempotency-Key` of a feed item is kept; sent again later it makes another.",
        DAY,
    )
    pots_max: int = setting(
        _KEPT,
        Integer(1, 500),
        "Pots that one account may have, not counting those that are deleted.",
        20,
    )
    upload_bytes_max: int = setting(
        _KEPT,
        Integer(1, 1024 * 1024 * 1024),
        "Bytes that one file may have that is sent here to be attached to a transaction.",
        20 * 1024 * 1024,
    )
    upload_files_per_day: int = setting(
        _KEPT,
        Integer(1, 1_000_000),
        "Files that one user may send in a day (UTC); more are answered 429.",
        500,
    )
    upload_bytes_per_day: int = setting(
        _KEPT,
        Integer(1, 1024 * 1024 * 1024 * 1024),
        "Bytes of files that one user may send in a day (UTC); more are answered 429.",
        500 * 1024 * 1024,
    )
    upload_url_seconds: int = setting(
        _KEPT,
        Integer(10, DAY),
        "How long a file may be sent to the address that was given out for it.",
        HOUR,
    )
    webhooks_max: int = setting(
        _KEPT,
        Integer(1, 1000),
        "Webhooks that one client may have on one account.",
        50,
    )
