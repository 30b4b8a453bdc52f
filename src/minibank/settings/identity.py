"""How long tokens and secrets work, and how passwords are guarded."""

from dataclasses import dataclass

from minibank.settings.about import DAY, HOUR, MINUTE, setting
from minibank.settings.kinds import Boolean, Integer

_TOKENS, _PASSWORDS = "Tokens", "Passwords"


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """How long tokens and secrets work, and how passwords are guarded."""

    access_token_seconds: int = setting(
        _TOKENS,
        Integer(1, 366 * DAY),
        "How long an access token works.",
        6 * HOUR,
    )
    refresh_token_seconds: int = setting(
        _TOKENS,
        Integer(0, 3660 * DAY),
        "How long a refresh token works; 0 is for ever.",
        0,
    )
    revoke_on_refresh_reuse: bool = setting(
        _TOKENS,
        Boolean(),
        "Whether a spent refresh token that is used again also ends the tokens that replaced it"
        " (RFC 9700, section 4.14.2). It is refused and recorded in any case.",
        False,
        production=True,
    )
    evicted_token_seconds: int = setting(
        _TOKENS,
        Integer(0, 3660 * DAY),
        "How long the digests of former tokens are kept, to say that a token was replaced and to"
        " notice the reuse of a spent one.",
        30 * DAY,
    )
    client_secret_overlap_seconds: int = setting(
        _TOKENS,
        Integer(0, 366 * DAY),
        "How long a client's former secret still works after a rotation.",
        DAY,
    )
    password_grant: bool = setting(
        _PASSWORDS,
        Boolean(),
        "Whether clients may exchange a user's e-mail and password for a token at all; a client"
        " also needs `password` among its grants.",
        True,
    )
    password_failures_max: int = setting(
        _PASSWORDS,
        Integer(1, 1_000_000),
        "Wrong passwords for one client and e-mail within the window after which right ones are"
        " answered like wrong ones.",
        10,
    )
    password_failures_address_max: int = setting(
        _PASSWORDS,
        Integer(1, 1_000_000),
        "The same for one network address, whatever the client and e-mail; a house or an office is"
        " often one address.",
        100,
    )
    password_failures_window_seconds: int = setting(
        _PASSWORDS,
        Integer(1, 366 * DAY),
        "The window in which wrong passwords are counted.",
        15 * MINUTE,
    )
