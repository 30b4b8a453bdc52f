"""End tokens: logging out, and what an operator does in an emergency.

None of these ask who wants it; each may be repeated. All give the number of pairs they ended.
"""

from collections.abc import Sequence

from minibank.core.ids import shard_of
from minibank.db import Tx
from minibank.oauth import store
from minibank.oauth.records import EndedPair, Reason
from minibank.oauth.retention.planning import remember
from minibank.oauth.secrets import parse_token
from minibank.oauth.tokens import TokenRules, former_tokens


async def logout(tx: Tx, token: str, rules: TokenRules) -> int:
    """End the pair of a presented access token: the token and its refresh token.

    The caller is found first, elsewhere: a token that has ended already is left as it is.
    """
    return await _end_pair_with(tx, token, "logged_out", rules)


async def revoke_token(tx: Tx, token: str, rules: TokenRules) -> int:
    """End the pair that an access or refresh token belongs to, if it is live."""
    return await _end_pair_with(tx, token, "revoked", rules)


async def revoke_client_user(tx: Tx, client_id: str, user_id: str, rules: TokenRules) -> int:
    """End the pair of one client and one user."""
    shard = shard_of(user_id)
    if shard is None:
        return 0
    ended = await store.delete_pair_of(tx, shard, user_id, client_id)
    return await _end(tx, shard, [ended] if ended else [], "revoked", rules)


async def revoke_user(tx: Tx, user_id: str, rules: TokenRules) -> int:
    """End the pairs of a user with every client; after a change of password, for one."""
    shard = shard_of(user_id)
    if shard is None:
        return 0
    ended = await store.delete_pairs_of_user(tx, shard, user_id)
    return await _end(tx, shard, ended, "revoked", rules)


async def _end_pair_with(tx: Tx, token: str, reason: Reason, rules: TokenRules) -> int:
    parsed = parse_token(token)
    if parsed is None:
        return 0
    ended = await store.delete_pair_with(tx, parsed.shard, parsed.digest)
    return await _end(tx, parsed.shard, [ended] if ended else [], reason, rules)


async def _end(
    tx: Tx, shard: int, ended: Sequence[EndedPair], reason: Reason, rules: TokenRules
) -> int:
    former = [token for pair in ended for token in former_tokens(pair, reason, reason)]
    await remember(tx, shard, former, rules)
    return len(ended)
