"""The token endpoint, from the parameters of a request to its answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from minibank.core.errors import BadRequest, BankError
from minibank.db import Database, ReadTx, Tx
from minibank.oauth import refusals
from minibank.oauth.client_authentication import authenticate, identify, require_no_credentials
from minibank.oauth.grants import exchange_refresh_token
from minibank.oauth.metrics import TokenMetrics
from minibank.oauth.password_grant import PasswordGuess, grant_by_password, waste_guess
from minibank.oauth.records import CONFIDENTIAL_GRANTS, Client
from minibank.oauth.refusals import Refusal
from minibank.oauth.secrets import parse_token
from minibank.oauth.tokens import Answer, NewPair, TokenRules


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a client sent to the token endpoint.

    `authorization` is the header's value and `address` the network address of whoever asks.
    """

    body: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    address: str | None = None


async def answer_token_request(
    db: Database, request: TokenRequest, rules: TokenRules, metrics: TokenMetrics | None = None
) -> Answer:
    """The answer to a token request; raises `BadRequest` or `Unauthorized` with `oauth_error` set.

    Opens its own units of work: a password is verified between them, because that takes too long
    to hold a transaction for.
    """
    metrics = metrics or TokenMetrics()
    label = metrics.grant(request.body.get("grant_type", ""))
    try:
        answer = await _answer(db, request, rules, metrics)
    except BankError:
        metrics.refused.add(label)
        raise
    metrics.issued.add(label)
    return answer


async def _answer(
    db: Database, request: TokenRequest, rules: TokenRules, metrics: TokenMetrics
) -> Answer:
    require_no_credentials(request.query)
    grant_type = _require(request, "grant_type")
    grant = _GRANTS.get(grant_type)
    if grant is None:
        raise refusals.unsupported_grant_type()
    client = await _authenticate(db, request, grant_type, rules, metrics)
    if not _may_use(client, grant_type, rules):
        raise refusals.client_not_enabled()
    return await grant(db, client, request, rules, metrics)


def _require(request: TokenRequest, name: str) -> str:
    value = request.body.get(name, "")
    if not value:
        raise refusals.missing(name)
    return value


async def _authenticate(
    db: Database,
    request: TokenRequest,
    grant_type: str,
    rules: TokenRules,
    metrics: TokenMetrics,
) -> Client:
    """The client; where a password would be judged next, failing takes as long as that."""

    async def work(tx: ReadTx) -> Client:
        return await authenticate(tx, presented)

    try:
        presented = identify(request.body, request.authorization, grant_type)
        return await db.read(work)
    except BadRequest:
        if grant_type == "password":
            await waste_guess(db, _guess(request), rules, metrics)
        raise


def _guess(request: TokenRequest) -> PasswordGuess:
    username, password = request.body.get("username", ""), request.body.get("password", "")
    return PasswordGuess(username, password, request.address)


def _may_use(client: Client, grant_type: str, rules: TokenRules) -> bool:
    if grant_type not in client.grants:
        return False
    if grant_type != "password":
        return True
    return rules.password_grant and (client.confidential or client.options.password_without_secret)


async def password_grant(
    db: Database, client: Client, request: TokenRequest, rules: TokenRules, metrics: TokenMetrics
) -> Answer:
    """RFC 6749 section 4.3: `username` is the person's e-mail address."""
    _require(request, "username")
    _require(request, "password")
    return await grant_by_password(db, client, _guess(request), rules, metrics)


async def refresh_grant(
    db: Database, client: Client, request: TokenRequest, rules: TokenRules, metrics: TokenMetrics
) -> Answer:
    """RFC 6749 section 6: a refresh token for a new pair, once."""
    presented = parse_token(_require(request, "refresh_token"))
    if presented is None or presented.kind != "refresh":
        raise refusals.bad_refresh_token()
    pair = NewPair.draw(db.ids, presented.shard, client)

    async def work(tx: Tx) -> str | Refusal:
        return await exchange_refresh_token(tx, client, presented, pair, rules)

    outcome = await db.transact(work)
    if isinstance(outcome, Refusal):
        if outcome.is_reuse:
            metrics.reuses.add()
        raise outcome.error
    return pair.answer(client, outcome, rules)


async def code_grant(
    db: Database, client: Client, request: TokenRequest, rules: TokenRules, metrics: TokenMetrics
) -> Answer:
    """RFC 6749 section 4.1.3. Nothing hands out codes, so every code is an unknown one."""
    _require(request, "code")
    raise refusals.bad_authorization_code()


Granter = Callable[[Database, Client, TokenRequest, TokenRules, TokenMetrics], Awaitable[Answer]]

_GRANTS: Mapping[str, Granter] = {
    "password": password_grant,
    "refresh_token": refresh_grant,
    "authorization_code": code_grant,
}
assert tuple(_GRANTS) == CONFIDENTIAL_GRANTS
