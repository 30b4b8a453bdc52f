"""What the log and the metrics may repeat of a request: only words that are our own."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OTHER_METHOD = "OTHER"

LOGGED_NAMES = frozenset(
    (
        "account_id",
        "account_type",
        "background_color",
        "before",
        "body",
        "body_color",
        "client_id",
        "client_secret",
        "code",
        "events",
        "expand",
        "expires",
        "expires_at",
        "grant_type",
        "image_url",
        "limit",
        "metadata",
        "params",
        "password",
        "redirect_uri",
        "refresh_token",
        "since",
        "start_time",
        "title",
        "title_color",
        "type",
        "url",
        "username",
    )
)
"""The parameters whose names are logged: any other name may itself be somebody's data."""


def loggable_method(method: str) -> str:
    """The method when it is one that exists."""
    return method if method in METHODS else OTHER_METHOD


def loggable_code(code: str) -> str:
    """An error's code, without the name of a parameter that nobody knows."""
    kind, _, name = code.rpartition(".")
    is_about_name = kind in {"bad_request.bad_param", "bad_request.missing_param"}
    return kind if is_about_name and name not in LOGGED_NAMES else code
