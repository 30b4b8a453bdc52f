"""Which client speaks on the token endpoint, and whether it is the one it says (RFC 6749, 2.3.1).

Four ways, the first that matches is the one:

1. `client_id` and `client_secret` in the body;
2. HTTP Basic with both;
3. HTTP Basic with the client id and an empty password while the body holds the client id as
   `username` and the secret as `password`: what widespread OAuth libraries make of a code or
   refresh grant; a person's password travels in those fields for the password grant, so not there;
4. `client_id` alone, for a public client.

A way that fails ends the attempt. Every identification must name one client, every secret that is
presented must be right, and way 4 is closed to whoever shows a secret or a Basic header.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from minibank.core.secrets import digest
from minibank.db import ReadTx
from minibank.oauth import refusals, store
from minibank.oauth.records import Client

CREDENTIALS = ("client_secret", "password", "username", "refresh_token", "code", "code_verifier")
"""What may not stand in the query."""

_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class Presented:
    """Who a client says it is, and its proof: each secret presented, in every possible reading."""

    client_id: str
    secrets: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Basic:
    """A Basic header's user and password in their readings; no readings where it was empty."""

    users: tuple[str, ...]
    passwords: tuple[str, ...]


def require_no_credentials(query: Mapping[str, str]) -> None:
    """Refuse credentials in the query, whatever else is right."""
    for name in CREDENTIALS:
        if query.get(name):
            raise refusals.credential_in_query(name)


def identify(body: Mapping[str, str], authorization: str | None, grant_type: str) -> Presented:
    """Who the request says it comes from; nothing is verified yet.

    `authorization` is the header's value. Raises `could_not_authenticate` for what is none of the
    four ways, and `missing_param.client_id` where nobody is named at all.
    """
    client_id, secret = body.get("client_id", ""), body.get("client_secret", "")
    in_body = ((secret,),) if secret else ()
    basic = parse_basic(authorization)
    if basic is None:
        if not client_id:
            raise refusals.missing("client_id")
        return Presented(client_id, in_body)
    if client_id and client_id not in basic.users:
        raise refusals.could_not_authenticate()
    # The form-decoded reading, which comes last, is the id; ids of ours read the same both ways.
    client_id, both_in_body = client_id or basic.users[-1], bool(client_id and secret)
    if basic.passwords:
        return Presented(client_id, (*in_body, basic.passwords))
    if both_in_body:
        return Presented(client_id, in_body)
    if grant_type == "password" or body.get("username", "") not in basic.users:
        raise refusals.could_not_authenticate()
    if not body.get("password"):
        raise refusals.could_not_authenticate()
    return Presented(client_id, (*in_body, (body["password"],)))


def parse_basic(authorization: str | None) -> Basic | None:
    """Read an `Authorization: Basic` header; None for no header or another scheme.

    Raises `could_not_authenticate` for a malformed one. RFC 6749 has id and secret form-encoded
    before they are joined; most clients do not, and secrets may contain `+`, `/` and `=`: so each
    part has two readings, as it is and form-decoded.
    """
    scheme, _, encoded = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        joined = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise refusals.could_not_authenticate() from None
    user, colon, password = joined.partition(":")
    if not user or not colon:
        raise refusals.could_not_authenticate()
    return Basic(_readings(user), _readings(password) if password else ())


def _readings(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((text, unquote_plus(text))))


def is_authentic(presented: Presented, client: Client | None, digests: Sequence[bytes]) -> bool:
    """Whether the proof is this client's; compares in constant time, also where there is none."""
    if not presented.secrets:
        return client is not None and not client.confidential
    against = list(digests) or [_NO_DIGEST]
    matches = [_is_one_of(readings, against) for readings in presented.secrets]
    return all(matches) and client is not None and client.confidential


def _is_one_of(readings: Sequence[str], digests: Sequence[bytes]) -> bool:
    # Every pair is compared: a list, because a generator would stop at the first match.
    return any(
        [hmac.compare_digest(digest(text), known) for text in readings for known in digests]  # noqa: C419
    )


async def authenticate(tx: ReadTx, presented: Presented) -> Client:
    """The client that proved itself, in one query.

    Raises `could_not_authenticate`, alike for unknown clients and wrong secrets, and
    `client_not_enabled` for a disabled client.
    """
    client, digests = await store.find_client_with_digests(tx, presented.client_id)
    if not is_authentic(presented, client, digests):
        raise refusals.could_not_authenticate()
    assert client is not None
    if client.disabled_at is not None:
        raise refusals.client_not_enabled()
    return client
