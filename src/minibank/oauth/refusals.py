"""The answers that refuse, as clients know them: code, message and RFC 6749 / 6750 `error`."""

from dataclasses import dataclass

from minibank.core.errors import BadRequest, BankError, MissingParam, Unauthorized


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer no whose record must be kept: returned from a unit of work, raised after it.

    `is_reuse` says that a spent refresh token came again.
    """

    error: BankError
    is_reuse: bool = False


def could_not_authenticate() -> BadRequest:
    """The one answer for an unknown client, a wrong secret, an unknown user, a wrong password."""
    return BadRequest(
        "bad_request.could_not_authenticate",
        "Could not authenticate",
        oauth_error="invalid_request",
    )


def client_not_enabled() -> BadRequest:
    """The client is who it says and may not use this grant (or may use none any more)."""
    return BadRequest(
        "bad_request.client_not_enabled",
        "The client is not enabled for this grant",
        oauth_error="unauthorized_client",
    )


def unsupported_grant_type() -> BadRequest:
    """Nobody may use this grant."""
    return BadRequest(
        "bad_request.bad_param.grant_type",
        "The field 'grant_type' must be password, refresh_token or authorization_code",
        oauth_error="unsupported_grant_type",
    )


def missing(name: str) -> BadRequest:
    """A required parameter of the token endpoint; OAuth libraries look for `error`."""
    refusal = MissingParam(name)
    refusal.oauth_error = "invalid_request"
    return refusal


def credential_in_query(name: str) -> BadRequest:
    """A secret stood in the address, where logs and histories keep it."""
    return BadRequest(
        f"bad_request.bad_param.{name}",
        f"The field '{name}' must be sent in the body",
        oauth_error="invalid_request",
    )


def bad_access_token() -> Unauthorized:
    """No token, no token of ours, or one that was logged out or revoked."""
    return _bad_access_token("", "Bad access token")


def expired_access_token() -> Unauthorized:
    """The token's lifetime is over."""
    return _bad_access_token(".expired", "Access token has expired")


def evicted_access_token() -> Unauthorized:
    """A newer token of the same client and user took its place."""
    return _bad_access_token(".evicted", "Access token has been evicted due to a login elsewhere")


def _bad_access_token(suffix: str, message: str) -> Unauthorized:
    return Unauthorized(
        f"unauthorized.bad_access_token{suffix}", message, oauth_error="invalid_token"
    )


def bad_refresh_token() -> Unauthorized:
    """Unknown, another client's, expired, revoked, or spent already."""
    return Unauthorized(
        "unauthorized.bad_refresh_token", "Bad refresh token", oauth_error="invalid_grant"
    )


def evicted_refresh_token() -> Unauthorized:
    """A newer authorisation of the same client and user took its place, or it was logged out."""
    return Unauthorized(
        "unauthorized.bad_refresh_token.evicted",
        "Refresh token has been evicted",
        oauth_error="invalid_grant",
    )


def bad_authorization_code() -> Unauthorized:
    """No such code."""
    return Unauthorized(
        "unauthorized.bad_authorization_code",
        "Bad authorization code",
        oauth_error="invalid_grant",
    )
