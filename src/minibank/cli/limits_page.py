"""The page docs/reference/limits.md: what a request may be, from the constants that say so."""

from minibank.api.bodies import DEPTH_MAX, PAIRS_MAX
from minibank.api.conditions import TAGS_MAX
from minibank.api.pots import DEDUPE_MAX
from minibank.api.repeats import KEY_MAX
from minibank.api.requests import BODY_BYTES_MAX, INTEGER_MAX, NAME_MAX
from minibank.api.uploads import AT_ONCE_OF_ONE
from minibank.app.protocol import HEAD_BYTES_MAX
from minibank.attachments.names import NAME_MAX as FILE_NAME_MAX
from minibank.attachments.names import TYPE_BYTES_MAX
from minibank.attachments.names import URL_BYTES_MAX as FILE_URL_BYTES_MAX
from minibank.core.money import AMOUNT_MAX
from minibank.core.pages import LIMIT_MAX
from minibank.feed.content import BODY_BYTES_MAX as ITEM_BODY_BYTES_MAX
from minibank.feed.content import TITLE_BYTES_MAX, URL_BYTES_MAX
from minibank.identity.emails import EMAIL_BYTES_MAX
from minibank.identity.passwords import PASSWORD_BYTES_MAX
from minibank.pots.changes import NAME_MAX as POT_NAME_MAX
from minibank.pots.changes import POTS_EVER_MAX
from minibank.pots.changes import STYLE_MAX as POT_STYLE_MAX
from minibank.receipts.content import (
    DIGITS_MAX,
    ID_MAX,
    ITEMS_MAX,
    LONG_TEXT_MAX,
    PARTS_MAX,
    TEXT_MAX,
)
from minibank.receipts.putting import RECEIPTS_MAX
from minibank.settings import SETTINGS
from minibank.transactions.annotate import (
    KEY_BYTES_MAX,
    KEYS_MAX,
    METADATA_BYTES_MAX,
    VALUE_BYTES_MAX,
)
from minibank.transactions.attaching import ATTACHMENTS_MAX
from minibank.transactions.notes import CHANGES_MAX
from minibank.webhooks.urls import URL_BYTES_MAX as HOOK_BYTES_MAX

_TOO_LARGE = "413 `bad_request.too_large`"
_BODY = "400 `bad_request.bad_body`"
_METADATA = "400 `bad_request.bad_param.metadata`"
_NAMED = "400 `bad_request.bad_param.<name>`"
_TOO_MANY_ATTACHMENTS = "400 `bad_request.too_many_attachments`"
_RATE = "429 `rate_limited`"

_FIXED: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "A request",
        [
            (
                "its line and headers, so the query and every header too",
                f"{HEAD_BYTES_MAX // 1024} KiB",
                "431 `bad_request.headers_too_large`",
            ),
            ("its body", f"{BODY_BYTES_MAX // 1024} KiB", _TOO_LARGE),
            ("parameters in the query, and again in the body", f"{PAIRS_MAX:,}", _BODY),
            ("the name of a parameter", f"{NAME_MAX:,} characters", _NAMED),
            ("levels of a JSON body", f"{DEPTH_MAX}", _BODY),
            ("an integer", f"±{INTEGER_MAX:,}", _NAMED),
            (
                "transactions or feed items of one page",
                f"{LIMIT_MAX}",
                "a larger `limit` means this one",
            ),
            (
                "an `Idempotency-Key`",
                f"1 to {KEY_MAX} characters",
                "400 `bad_request.bad_header.idempotency_key`",
            ),
            (
                "entity tags in `If-Match`",
                f"{TAGS_MAX}",
                "400 `bad_request.bad_header.if_match`",
            ),
            ("an e-mail address that can sign in", f"{EMAIL_BYTES_MAX} bytes", "as a wrong one"),
            ("a password that can be right", f"{PASSWORD_BYTES_MAX:,} bytes", "as a wrong one"),
        ],
    ),
    (
        "What a client writes on one transaction",
        [
            ("keys", f"{KEYS_MAX}", _METADATA),
            ("a key", f"1 to {KEY_BYTES_MAX} bytes", _METADATA),
            ("a value, and the shared note", f"{VALUE_BYTES_MAX:,} bytes", _METADATA),
            ("all keys and values together", f"{METADATA_BYTES_MAX // 1024} KiB", _METADATA),
            (
                "changes of the shared note that are kept",
                f"{CHANGES_MAX}",
                "the oldest are forgotten",
            ),
        ],
    ),
    (
        "A receipt",
        [
            ("`external_id`", f"1 to {ID_MAX} characters", _NAMED),
            ("items", f"{ITEMS_MAX}", _NAMED),
            ("sub-items of an item, taxes, payments", f"{PARTS_MAX}", _NAMED),
            (
                "the description of an item or a tax, `store_address`",
                f"{LONG_TEXT_MAX:,} characters",
                _NAMED,
            ),
            ("any other text", f"{TEXT_MAX} characters", _NAMED),
            ("an amount", f"±{AMOUNT_MAX:,}", _NAMED),
            ("a quantity", f"{DIGITS_MAX} digits", _NAMED),
            (
                "receipts of one client for a transaction of one user",
                f"{RECEIPTS_MAX}",
                "400 `bad_request.too_many_receipts`",
            ),
        ],
    ),
    (
        "An attachment",
        [
            ("attachments of one transaction", f"{ATTACHMENTS_MAX}", _TOO_MANY_ATTACHMENTS),
            ("`file_url`", f"{FILE_URL_BYTES_MAX:,} bytes", _NAMED),
            ("`file_type`", f"{TYPE_BYTES_MAX} bytes", _NAMED),
            ("`file_name`", f"{FILE_NAME_MAX} characters", "the rest is cut off"),
            (
                "a file that is sent to the bank",
                "[`upload_bytes_max`](settings.md#upload_bytes_max)",
                f"{_TOO_LARGE}; of another size than its `content_length`: 400"
                " `bad_request.wrong_length`",
            ),
            (
                "how long it may be sent",
                "[`upload_url_seconds`](settings.md#upload_url_seconds)",
                "403 `forbidden.upload_expired`",
            ),
            ("how long it stays without an attachment", "a day", "it is removed"),
        ],
    ),
    (
        "A feed item and a webhook",
        [
            ("`params[title]`", f"{TITLE_BYTES_MAX} bytes", _NAMED),
            ("`params[body]`", f"{ITEM_BODY_BYTES_MAX:,} bytes", _NAMED),
            ("`params[image_url]`, and an item's `url`", f"{URL_BYTES_MAX:,} bytes", _NAMED),
            ("a webhook's `url`", f"{HOOK_BYTES_MAX:,} bytes", _NAMED),
        ],
    ),
    (
        "A pot",
        [
            ("its name", f"1 to {POT_NAME_MAX} characters", _NAMED),
            ("its style", f"{POT_STYLE_MAX} characters", _NAMED),
            ("a `dedupe_id`", f"{DEDUPE_MAX} characters", _NAMED),
            (
                "pots that an account ever had",
                f"{POTS_EVER_MAX:,}",
                "400 `bad_request.too_many_pots`",
            ),
        ],
    ),
]

_SET: list[tuple[str, str, str]] = [
    ("rate_address_per_minute", "from one address, for IPv6 from its /64", _RATE),
    ("rate_token_address_per_minute", "of these, to `/oauth2/token`", _RATE),
    ("rate_client_per_minute", "of one client", _RATE),
    ("rate_user_per_minute", "of one user through one client", _RATE),
    (
        "feed_items_per_day",
        "per day: items of one client on one feed",
        "429 `rate_limited.feed_items`",
    ),
    ("pots_max", "pots of an account that are not deleted", "400 `bad_request.too_many_pots`"),
    (
        "upload_files_per_day",
        "per day: files that one user sends",
        "429 `rate_limited.uploads`",
    ),
    (
        "upload_bytes_per_day",
        "per day: bytes of files that one user sends",
        "429 `rate_limited.uploads`",
    ),
    (
        "uploads_max",
        f"files that arrive at a time, {AT_ONCE_OF_ONE} of one user",
        "429 `rate_limited.uploads_at_once`",
    ),
    ("webhooks_max", "webhooks of one client on an account", "400 `bad_request.too_many_webhooks`"),
    ("client_requests_max", "of one client at a time", "the next wait"),
    ("client_waiting_max", "of one client that wait", "429 `rate_limited.concurrency`"),
    ("requests_max", "at a time, of everybody", "429 `rate_limited.overloaded`"),
]

_INTRODUCTION = """\
# Limits

What is larger than the bank takes is refused whole, with the documented error, and changes nothing.
Sizes are of UTF-8 bytes where it says bytes. Guesses at passwords have limits of their own:
see [`password_failures_max`](settings.md#password_failures_max).

This page is generated from the code: `minibank reference limits`."""

_RATES = """\
Requests per minute are counted in token buckets: a bucket holds the minute's quota and fills
evenly, so that the whole quota may come at once, and then one request each time that another token
has come: with 6,000 in a minute one every 10 ms. Within any minute at most twice the quota is
answered.

While a limit is on, every answer says where its sender stands
(draft-ietf-httpapi-ratelimit-headers-11):

```
RateLimit-Policy: "address";q=6000;w=60, "user";q=1200;w=60, "client";q=60000;w=60
RateLimit: "address";r=5998;t=1, "user";r=1198;t=1, "client";r=59990;t=1
```

`q` requests in `w` seconds are allowed, `r` more may come at once, and in `t` seconds all of `q`.
A 429 says in `Retry-After` after how many seconds a request will be let through, and in
`params.policy` which limit it was. It takes nothing from the bucket that refused it, and costs no
query. The address is judged first, before anything is read, then the user, then the client; the
first request with a token is let through and counted, because nobody knew yet whose it is.
`/healthz` and `/readyz` are always answered and never counted; what the server refuses before it is
a request (unreadable, overloaded) has no such headers.

Each process counts for itself, in memory: with `--workers 4` and connections spread evenly a client
may get four times the limit, and what it reads in `RateLimit` is that of the process that answered.
To allow N in all, set N divided by the number of processes. A restart forgets what was counted.

The address is that of the connection, or what a [named proxy](settings.md#trusted_proxies) says;
headers of anybody else are not believed."""


def limits_reference() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for title, rows in _FIXED:
        lines += ["", f"## {title}", "", "| what | at most | beyond that |", "| --- | --- | --- |"]
        lines += [f"| {what} | {most} | {beyond} |" for what, most, beyond in rows]
    lines += ["", "## How often", ""]
    lines += ["| requests | setting | sandbox | production | beyond that |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    lines += [_row(*entry) for entry in _SET]
    return "\n".join([*lines, "", _RATES]) + "\n"


def _row(name: str, what: str, beyond: str) -> str:
    about = SETTINGS[name]
    sandbox, production = (_number(about.preset(mode)) for mode in ("sandbox", "production"))
    unit = "per minute " if name.endswith("_per_minute") else ""
    setting = f"[`{name}`](settings.md#{name})"
    return f"| {unit}{what} | {setting} | {sandbox} | {production} | {beyond} |"


def _number(value: object) -> str:
    return "off" if value == 0 else f"{value:,}"
