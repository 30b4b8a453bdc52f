"""What the verbs need to know of the settings."""

from minibank.oauth.tokens import TokenRules
from minibank.settings import Settings


def token_rules(settings: Settings) -> TokenRules:
    """The rules for tokens as the settings want them."""
    return TokenRules(
        access_token_seconds=settings.access_token_seconds,
        refresh_token_seconds=settings.refresh_token_seconds,
        revoke_on_refresh_reuse=settings.revoke_on_refresh_reuse,
        password_grant=settings.password_grant,
        former_token_seconds=settings.evicted_token_seconds,
        password_failures_max=settings.password_failures_max,
        password_failures_window_seconds=settings.password_failures_window_seconds,
    )
