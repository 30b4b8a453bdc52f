"""Who makes a request: the client and the user behind an access token."""

from msgspec import Struct

from minibank.core.errors import Unauthorized
from minibank.db import ReadTx
from minibank.oauth import refusals, store
from minibank.oauth.records import ClientOptions, options_from_json
from minibank.oauth.secrets import ParsedToken


class Caller(Struct, frozen=True):
    """A client acting for a user, on this request."""

    client_id: str
    user_id: str
    options: ClientOptions


async def find_caller(tx: ReadTx, parsed: ParsedToken | None) -> Caller:
    """The caller behind an access token: one keyed query when the token is good.

    Raises `Unauthorized`: `unauthorized.bad_access_token` for no token of ours (None, which costs
    no query), one logged out or revoked, or a disabled client's; `.expired` and
    `.evicted` (replaced by a newer one) as they say.
    """
    if parsed is None or parsed.kind != "access":
        raise refusals.bad_access_token()
    pair = await store.find_live_pair(tx, parsed.shard, parsed.digest)
    if pair is None:
        raise await _reason(tx, parsed.shard, parsed.digest)
    if pair.client_disabled_at is not None:
        raise refusals.bad_access_token()
    if pair.access_expires_at <= tx.now:
        raise refusals.expired_access_token()
    return Caller(pair.client_id, pair.user_id, options_from_json(pair.options))


async def _reason(tx: ReadTx, shard: int, digest: bytes) -> Unauthorized:
    former = await store.find_former_token(tx, shard, digest)
    if former is not None and former.reason == "evicted":
        return refusals.evicted_access_token()
    return refusals.bad_access_token()
