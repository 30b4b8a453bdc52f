"""Errors that a caller may see, as a tree.

    BankError                  answer no and keep nothing: raised, and the unit of work is undone
    ├── BadRequest             400  bad_request.*
    │   ├── MissingParam       400  bad_request.missing_param.<name>
    │   ├── BadParam           400  bad_request.bad_param.<name>
    │   ├── InsufficientFunds  400  bad_request.insufficient_funds
    │   └── LimitExceeded      400  bad_request.limit_exceeded
    ├── Unauthorized           401  unauthorized.*
    ├── Forbidden              403  forbidden.*
    ├── NotFound               404  not_found.*
    ├── MethodNotAllowed       405  bad_request.method_not_allowed
    ├── TooLarge               413  bad_request.too_large
    ├── RangeNotSatisfiable    416  bad_request.bad_range
    ├── Conflict               409  conflict.*
    ├── PreconditionFailed     412  precondition_failed
    ├── RateLimited            429  rate_limited.*
    ├── InternalService        500  internal_service.*
    ├── Unavailable            503  unavailable.*
    └── Timeout                504  timeout.*

A refusal that must leave a record (a declined card payment, a replayed refresh token) is not an
error but a returned value: raising would undo the record with everything else.
"""

from typing import ClassVar


class BankError(Exception):
    """A refusal that leaves nothing behind.

    `code` is dotted and its first segment says the HTTP status (405, 413 and 416 excepted, which
    are `bad_request` too); `message` is for people; `params` are strings that help a program;
    `oauth_error` is the RFC 6749 / RFC 6750 value for failures of authentication; `retry_after` is
    in seconds.
    """

    status: ClassVar[int]
    segment: ClassVar[str]

    def __init__(
        self,
        code: str,
        message: str,
        *,
        params: dict[str, str] | None = None,
        oauth_error: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        assert code.partition(".")[0] == self.segment, f"{code} is not {self.status}"
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.params = params or {}
        self.oauth_error = oauth_error
        self.retry_after = retry_after


class BadRequest(BankError):
    """The request cannot be understood or breaks a rule of the bank."""

    status = 400
    segment = "bad_request"


class MissingParam(BadRequest):
    """A required parameter is absent or empty.

    `name` may lead into a value, `items[0].amount`: the code then has its first part only.
    """

    def __init__(self, name: str) -> None:
        code = f"bad_request.missing_param.{_outermost(name)}"
        super().__init__(code, f"The field '{name}' is required")


class BadParam(BadRequest):
    """A parameter is malformed or not acceptable; `reason` completes "The field 'x' ...".

    `name` may lead into a value, as in `MissingParam`.
    """

    def __init__(self, name: str, reason: str) -> None:
        code = f"bad_request.bad_param.{_outermost(name)}"
        super().__init__(code, f"The field '{name}' {reason}")


def _outermost(name: str) -> str:
    """`items` of `items[0].amount`."""
    return name.partition("[")[0].partition(".")[0]


class InsufficientFunds(BadRequest):
    """The account cannot pay for what was asked."""

    def __init__(self, message: str = "There is not enough money in the account") -> None:
        super().__init__("bad_request.insufficient_funds", message)


class LimitExceeded(BadRequest):
    """The account may not be used for so much; `limit` is the name of the limit."""

    def __init__(self, limit: str) -> None:
        super().__init__(
            "bad_request.limit_exceeded",
            f"It goes beyond a limit of the account: {limit}",
            params={"limit": limit},
        )


class Unauthorized(BankError):
    """Nobody is authenticated: the token, code or refresh token is not good."""

    status = 401
    segment = "unauthorized"


class Forbidden(BankError):
    """The caller is known and may not do this."""

    status = 403
    segment = "forbidden"


class NotFound(BankError):
    """There is nothing here; `thing` may name what was looked for."""

    status = 404
    segment = "not_found"

    def __init__(self, thing: str = "", message: str = "Not found") -> None:
        super().__init__(f"not_found.{thing}" if thing else "not_found", message)


class MethodNotAllowed(BankError):
    """The path exists, the method does not."""

    status = 405
    segment = "bad_request"

    def __init__(self, method: str) -> None:
        super().__init__(
            "bad_request.method_not_allowed", f"The method {method} is not allowed here"
        )


class TooLarge(BankError):
    """The body is larger than this endpoint accepts."""

    status = 413
    segment = "bad_request"

    def __init__(self, bytes_max: int) -> None:
        super().__init__("bad_request.too_large", f"The body is larger than {bytes_max} bytes")


class RangeNotSatisfiable(BankError):
    """The file has none of the bytes that were asked for (RFC 9110 section 15.5.17)."""

    status = 416
    segment = "bad_request"

    def __init__(self, size: int) -> None:
        super().__init__("bad_request.bad_range", f"The file has {size} bytes, and not these")


class Conflict(BankError):
    """The request collides with what is already there (the same id with other content)."""

    status = 409
    segment = "conflict"


class PreconditionFailed(BankError):
    """What the caller wants to change is no longer what it has seen (RFC 9110 section 13.1.1)."""

    status = 412
    segment = "precondition_failed"

    def __init__(self, thing: str) -> None:
        super().__init__(
            "precondition_failed", f"The {thing} has changed since it was read: read it again"
        )


class RateLimited(BankError):
    """Too much at once; `retry_after` says when to try again."""

    status = 429
    segment = "rate_limited"


class InternalService(BankError):
    """A fault of ours; the message tells nothing more."""

    status = 500
    segment = "internal_service"

    def __init__(self) -> None:
        super().__init__("internal_service", "Something went wrong at our end")


class Unavailable(BankError):
    """The bank cannot work just now (its database is away, or it is shutting down)."""

    status = 503
    segment = "unavailable"


class Timeout(BankError):
    """The request waited too long and was given up before anything happened."""

    status = 504
    segment = "timeout"


def insufficient_permissions(client_id: str, user_id: str) -> Forbidden:
    """The one answer for what is not the caller's and for what does not exist."""
    return Forbidden(
        "forbidden.insufficient_permissions",
        "Access forbidden due to insufficient permissions",
        params={"client_id": client_id, "user_id": user_id},
    )
