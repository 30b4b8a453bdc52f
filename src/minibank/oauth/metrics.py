"""What the token endpoint counts."""

from dataclasses import dataclass

from minibank.metrics.instruments import Alert, Counter, instrument
from minibank.oauth.records import CONFIDENTIAL_GRANTS

OTHER_GRANT = "other"


@dataclass(frozen=True)
class TokenMetrics:
    """The instruments of the token endpoint."""

    issued: Counter = instrument(
        Counter,
        "minibank_tokens_issued_total",
        "Pairs of tokens that were issued.",
        ("grant",),
        known=((*CONFIDENTIAL_GRANTS, OTHER_GRANT),),
    )
    refused: Counter = instrument(
        Counter,
        "minibank_tokens_refused_total",
        "Token requests that were refused.",
        ("grant",),
        known=((*CONFIDENTIAL_GRANTS, OTHER_GRANT),),
        alerts=[
            Alert(
                "MinibankTokensRefused",
                "sum by (instance) (rate(minibank_tokens_refused_total[10m])) > 1 and"
                " sum by (instance) (rate(minibank_tokens_refused_total[10m]))"
                " > sum by (instance) (rate(minibank_tokens_issued_total[10m]))",
                "More token requests are refused than answered: a client broke, or somebody"
                " guesses.",
            )
        ],
    )
    reuses: Counter = instrument(
        Counter,
        "minibank_refresh_token_reuses_total",
        "Refresh tokens that came a second time: two parties hold them (RFC 9700 4.14.2).",
        alerts=[
            Alert(
                "MinibankRefreshTokensReused",
                "increase(minibank_refresh_token_reuses_total[1h]) > 5",
                "Spent refresh tokens come back: a client repeats requests, or tokens were stolen.",
                minutes=0,
            )
        ],
    )
    throttled: Counter = instrument(
        Counter,
        "minibank_password_guesses_throttled_total",
        "Guesses at passwords that were not judged, because too many had failed before.",
        alerts=[
            Alert(
                "MinibankPasswordsGuessed",
                "increase(minibank_password_guesses_throttled_total[10m]) > 100",
                "Somebody guesses passwords; the limits hold.",
                minutes=0,
            )
        ],
    )

    def grant(self, name: str) -> str:
        """The label of a grant: no word that a client made up."""
        return name if name in CONFIDENTIAL_GRANTS else OTHER_GRANT
