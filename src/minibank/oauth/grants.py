"""Issue and exchange pairs of tokens: ordinary functions inside a unit of work.

A client has one live pair per user, one row. Whatever ends a pair remembers its digests, so that a
later request can be told why its token does not work, and so that the reuse of a spent refresh
token, which means that two parties hold it, is noticed.
"""

from minibank.core.secrets import digest
from minibank.db import Tx
from minibank.oauth import refusals, store
from minibank.oauth.records import Client, Exchange, FormerToken
from minibank.oauth.refusals import Refusal
from minibank.oauth.retention.planning import remember
from minibank.oauth.secrets import ParsedToken
from minibank.oauth.tokens import MICROSECONDS, NewPair, TokenRules, former_tokens


async def issue_pair(
    tx: Tx, client: Client, user_id: str, pair: NewPair, rules: TokenRules
) -> bool:
    """Make this the one live pair of the client and the user; the one before it is evicted.

    False when it was issued already, by a run of this unit of work whose commit was unclear.
    """
    assert pair.access, "a pair has an access token"
    if await store.find_former_token(tx, pair.shard, digest(pair.access)):
        return False
    new = pair.values(tx.now, rules)
    replaced = await store.put_pair(tx, pair.shard, user_id, client.id, new)
    former = former_tokens(replaced, access="evicted", refresh="evicted") if replaced else []
    await remember(tx, pair.shard, former, rules, issued=new)
    return True


async def exchange_refresh_token(
    tx: Tx, client: Client, presented: ParsedToken, pair: NewPair, rules: TokenRules
) -> str | Refusal:
    """Spend a refresh token for this pair (RFC 6749 section 6); the user's id, or a `Refusal`.

    The old access token dies at once. The reuse of a spent token is recorded, which is why it is
    returned and not raised, and ends the live pair if the rules say so (RFC 9700 section 4.14.2).
    """
    new = pair.values(tx.now, rules)
    age_max = rules.refresh_token_seconds * MICROSECONDS
    issued_after = tx.now - age_max if age_max else -1
    exchange = Exchange(presented.shard, client.id, presented.digest, issued_after, new)
    replaced = await store.exchange_pair(tx, exchange)
    if replaced is None:
        return await _refuse_refresh_token(tx, client, presented, new.refresh_digest, rules)
    former = former_tokens(
        replaced, access="evicted", refresh="spent", successor=new.refresh_digest
    )
    await remember(tx, presented.shard, former, rules, issued=new)
    return replaced.user_id


async def _refuse_refresh_token(
    tx: Tx, client: Client, presented: ParsedToken, successor: bytes | None, rules: TokenRules
) -> str | Refusal:
    former = await store.find_former_token(tx, presented.shard, presented.digest)
    if former is None or former.client_id != client.id:
        # Another client's token is to this one as if there were none, and nothing happens to it.
        return Refusal(refusals.bad_refresh_token())
    if former.reason == "spent" and former.successor_digest == successor:
        # Spent for this very pair, by a run of this unit of work whose commit was unclear.
        return former.user_id
    if former.reason == "spent":
        await _record_reuse(tx, presented.shard, former, rules)
        return Refusal(refusals.bad_refresh_token(), is_reuse=True)
    if former.reason == "revoked":
        return Refusal(refusals.bad_refresh_token())
    return Refusal(refusals.evicted_refresh_token())


async def _record_reuse(tx: Tx, shard: int, former: FormerToken, rules: TokenRules) -> None:
    await store.mark_reused(tx, shard, former.digest)
    if not rules.revoke_on_refresh_reuse:
        return
    live = await store.delete_pair_of(tx, shard, former.user_id, former.client_id)
    if live is not None:
        ended = former_tokens(live, access="revoked", refresh="revoked")
        await remember(tx, shard, ended, rules)
