"""OAuth 2.0's own endpoints: acquire and refresh tokens, log out."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer, answer_json
from minibank.api.catalogue import NO_DATABASE, NO_WRITES
from minibank.api.endpoint import Call, Edge, Request
from minibank.api.operation import Ok, Operation
from minibank.api.requests import Params, outer_name, plain
from minibank.core.errors import BadParam, BadRequest
from minibank.db import Tx
from minibank.oauth import revocation
from minibank.oauth.token_requests import TokenRequest, answer_token_request
from minibank.oauth.tokens import TokenAnswer, TokenRules

_OfPassword = Meta(description="For the grant `password`.")


class TokenParameters(Struct):
    """A grant, and who asks for it."""

    grant_type: Literal["password", "refresh_token", "authorization_code"]
    client_id: Annotated[str | UnsetType, Meta(description="May be left out with HTTP Basic.")] = (
        UNSET
    )
    client_secret: Annotated[
        str | UnsetType, Meta(description="Of confidential clients; may be in HTTP Basic instead.")
    ] = UNSET
    username: Annotated[
        str | UnsetType, Meta(description="For `password`: the person's e-mail address.")
    ] = UNSET
    password: Annotated[str | UnsetType, _OfPassword] = UNSET
    refresh_token: Annotated[
        str | UnsetType, Meta(description="For the grant of the same name; good for one exchange.")
    ] = UNSET
    code: Annotated[str | UnsetType, Meta(description="For `authorization_code`.")] = UNSET
    redirect_uri: Annotated[str | UnsetType, Meta(description="For `authorization_code`.")] = UNSET


ISSUE_TOKEN = Operation(
    tag="OAuth 2.0",
    summary="Acquire or refresh an access token",
    description=(
        "RFC 6749. A client has one live pair of tokens per user: a new pair takes the place of"
        " the one before. The client says who it is in the body or by HTTP Basic; no field may be"
        " repeated, and nothing in the query counts. A bearer token sent along is not looked at."
    ),
    takes=TokenParameters,
    answers=TokenAnswer,
    refuses=(
        "bad_request.could_not_authenticate",
        "bad_request.client_not_enabled",
        "unauthorized.bad_refresh_token",
        "unauthorized.bad_refresh_token.evicted",
        "unauthorized.bad_authorization_code",
        NO_DATABASE,
        NO_WRITES,
    ),
    public=True,
    body_only=True,
)
LOGOUT = Operation(
    tag="OAuth 2.0",
    summary="Log out",
    description="Ends the presented access token and its refresh token.",
    answers=Ok,
    refuses=(NO_WRITES,),
)


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
        pair = await answer_token_request(edge.db, token_request, rules, edge.tokens)
        return answer_json(pair)
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
    return Ok()
