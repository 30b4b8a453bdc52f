"""The pair of tokens that a grant gives, and how the answer looks."""

from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from minibank.core.ids import IdSource
from minibank.core.secrets import digest
from minibank.oauth.records import Client, EndedPair, FormerToken, PairValues, Reason
from minibank.oauth.secrets import new_token
from minibank.settings import Settings

SCOPE = "third_party_developer_app"
MICROSECONDS = 1_000_000


class TokenAnswer(TypedDict):
    """What a grant gives (RFC 6749 section 5.1): these keys, because some clients refuse others."""

    access_token: str
    client_id: str
    expires_in: Annotated[int, Meta(description="Seconds from now.")]
    refresh_token: NotRequired[
        Annotated[str, Meta(description="Good for one exchange; confidential clients only.")]
    ]
    token_type: Literal["Bearer"]
    user_id: str
    scope: NotRequired[
        Annotated[str, Meta(description="For apps registered with `token_extra_fields`.")]
    ]


Answer = TokenAnswer


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What an operator decides about tokens and sign-ins; 0 for `refresh_token_seconds`: for ever.

    `former_token_seconds` is how long a token that works no more is remembered.
    """

    access_token_seconds: int = 21_600
    refresh_token_seconds: int = 0
    revoke_on_refresh_reuse: bool = False
    password_grant: bool = True
    former_token_seconds: int = 30 * 86_400
    password_failures_max: int = 10
    password_failures_address_max: int = 100
    password_failures_window_seconds: int = 900

    @classmethod
    def from_settings(cls, settings: Settings) -> "TokenRules":
        """The rules that the settings say."""
        return cls(
            access_token_seconds=settings.access_token_seconds,
            refresh_token_seconds=settings.refresh_token_seconds,
            revoke_on_refresh_reuse=settings.revoke_on_refresh_reuse,
            password_grant=settings.password_grant,
            former_token_seconds=settings.evicted_token_seconds,
            password_failures_max=settings.password_failures_max,
            password_failures_address_max=settings.password_failures_address_max,
            password_failures_window_seconds=settings.password_failures_window_seconds,
        )

    def keep_until(self, now: int) -> int:
        """Until when a token that ends now is remembered."""
        return now + self.former_token_seconds * MICROSECONDS


@dataclass(frozen=True, slots=True)
class NewPair:
    """A pair of tokens still to be stored; a public client gets no refresh token.

    Drawn outside of the unit of work that stores it: one that runs again stores the same tokens.
    """

    shard: int
    access: str
    refresh: str | None

    @classmethod
    def draw(cls, ids: IdSource, shard: int, client: Client) -> "NewPair":
        """A fresh pair for this client and a user of this shard."""
        refresh = new_token(ids, "refresh", shard) if client.confidential else None
        return cls(shard, new_token(ids, "access", shard), refresh)

    def values(self, now: int, rules: TokenRules) -> PairValues:
        """The pair as it is stored, issued now."""
        return PairValues(
            access_digest=digest(self.access),
            access_expires_at=now + rules.access_token_seconds * MICROSECONDS,
            refresh_digest=digest(self.refresh) if self.refresh else None,
            issued_at=now,
        )

    def answer(self, client: Client, user_id: str, rules: TokenRules) -> Answer:
        """What the client gets: exactly these keys, because some clients refuse any other."""
        answer: Answer = {
            "access_token": self.access,
            "client_id": client.id,
            "expires_in": rules.access_token_seconds,
            "refresh_token": self.refresh or "",
            "token_type": "Bearer",
            "user_id": user_id,
        }
        if not self.refresh:
            del answer["refresh_token"]
        if client.options.token_extra_fields == "scope":  # noqa: S105 # no secret
            answer["scope"] = SCOPE
        return answer


def former_tokens(
    ended: EndedPair, access: Reason, refresh: Reason, successor: bytes | None = None
) -> list[FormerToken]:
    """What to remember of a pair that ended, for these reasons."""
    former = [FormerToken(ended.access_digest, "access", access, ended.user_id, ended.client_id)]
    if ended.refresh_digest is not None:
        former.append(
            FormerToken(
                ended.refresh_digest, "refresh", refresh, ended.user_id, ended.client_id, successor
            )
        )
    return former
