"""OAuth 2.0's own endpoints: acquire and refresh tokens, log out."""

from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Call, Edge, Request
from minibank.api.requests import Params, outer_name, plain
from minibank.core.errors import BadParam, BadRequest
from minibank.db import Tx
from minibank.oauth import revocation
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import TokenRules


async def issue(edge: Edge, request: Request) -> Answer:
    """POST /oauth2/token: what is a bearer token's elsewhere is not looked at here."""
    try:
        params = request.params
        token_request = TokenRequest(
            body=_fields_once(params),
            query={name: str(value) for name, value in params.query if value},
            authorization=request.headers.get("authorization"),
            address=request.address or None,
        )
        rules = TokenRules.from_settings(edge.settings)
        return answer_json(await answer_token_request(edge.db, token_request, rules))
    except BadRequest as refusal:
        # OAuth libraries look for `error` first, and take its absence for a success gone wrong.
        refusal.oauth_error = refusal.oauth_error or "invalid_request"
        raise


def _fields_once(params: Params) -> dict[str, str]:
    """The fields of the body; `BadParam` for one that is repeated (RFC 6749 section 3.2)."""
    for name in params.repeated_in_body():
        raise BadParam(outer_name(name), "must not be repeated")
    return {name: str(plain(outer_name(name), value) or "") for name, value in params.body}


async def logout(tx: Tx, call: Call) -> object:
    """POST /oauth2/logout: end the presented token and its refresh token."""
    await revocation.logout(tx, call.token, TokenRules.from_settings(call.settings))
    return {"ok": True}
