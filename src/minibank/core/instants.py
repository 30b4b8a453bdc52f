"""Instants as text: RFC 3339 out, and the forms that clients really send in."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT_MIN = -62_135_596_800_000_000
"""The first microsecond of the year 1; some programs write it for "never"."""
INSTANT_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

# The hours are bounded here: newer Pythons read 24:00 as the next midnight, older ones refuse it.
_FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>(?:[01]\d|2[0-3]):\d{2}:\d{2})(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>[Zz]|[+\- ](?:[01]\d|2[0-3]):?[0-5]\d|[+\- ]00:?00[Zz])?)?",
    re.ASCII,
)
_MICROSECOND = timedelta(microseconds=1)

# A page of history formats hundreds of instants: looked up, they cost less than a tenth of
# `strftime`.
_SECONDS = [f"{second // 60:02d}:{second % 60:02d}." for second in range(3600)]
_MILLISECONDS = [f"{milli:03d}Z" for milli in range(1000)]


@lru_cache(maxsize=16_384)
def _hour(hours: int) -> str:
    """The date and the hour so many hours after the epoch; kept for two years' worth of them."""
    return (EPOCH + timedelta(hours=hours)).isoformat()[: len("2017-08-22T05:")]


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime, in microseconds."""
    assert moment.tzinfo is not None, "a naive datetime is no instant"
    return (moment - EPOCH) // _MICROSECOND


def to_datetime(instant: int) -> datetime:
    """The UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=instant)


def format_http_date(instant: int) -> str:
    """An instant as headers have it (RFC 9110 section 5.6.7): whole seconds, in GMT."""
    return format_datetime(to_datetime(instant), usegmt=True)


def format_instant(instant: int) -> str:
    """RFC 3339 in UTC with exactly three fractional digits: `2017-08-22T05:35:46.230Z`.

    Some clients require a fraction, some accept only three digits; none minds this form.
    """
    seconds, micros = divmod(instant, 1_000_000)
    hours, second = divmod(seconds, 3600)
    return f"{_hour(hours)}{_SECONDS[second]}{_MILLISECONDS[micros // 1000]}"


def format_or_none(instant: int | None) -> str | None:
    """An instant as `format_instant` writes it; None for none."""
    return None if instant is None else format_instant(instant)


def format_microseconds(instant: int) -> str:
    """RFC 3339 in UTC to the microsecond: `2017-08-22T05:35:46.230417Z`; nothing is lost."""
    seconds, micros = divmod(instant, 1_000_000)
    hours, second = divmod(seconds, 3600)
    return f"{_hour(hours)}{_SECONDS[second]}{micros:06d}Z"


def parse_instant(text: str) -> int:
    """Read a timestamp; `ValueError` when it is none.

    Beyond RFC 3339 it reads what clients send: a bare date, a space for the `T`, no zone (UTC),
    a space where the plus sign was not percent-encoded, and `+00:00` with a `Z` behind it.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("not a timestamp")
    moment = datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00:00'}+00:00")
    micros = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    instant = from_datetime(moment) + micros - _offset(match["zone"] or "Z")
    if not INSTANT_MIN <= instant <= INSTANT_MAX:
        raise ValueError("out of range")
    return instant


def _offset(zone: str) -> int:
    """The microseconds that a zone is ahead of UTC."""
    digits = zone.strip("Zz+- ").replace(":", "")
    if not digits:
        return 0
    ahead = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000_000
    return -ahead if zone[0] == "-" else ahead
