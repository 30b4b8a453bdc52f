"""What the token endpoint counts."""

from minibank.metrics.instruments import Alert, Counter
from minibank.oauth.records import CONFIDENTIAL_GRANTS

OTHER_GRANT = "other"


class TokenMetrics:
    """The instruments of the token endpoint."""

    def __init__(self) -> None:
        grants = ((*CONFIDENTIAL_GRANTS, OTHER_GRANT),)
        self.issued = Counter(
            "minibank_tokens_issued_total",
            "Pairs of tokens that were issued.",
            ("grant",),
            known=grants,
        )
        self.refused = Counter(
            "minibank_tokens_refused_total",
            "Token requests that were refused.",
            ("grant",),
            known=grants,
            alerts=[
                Alert(
                    "MinibankTokensRefused",
                    "sum(rate(minibank_tokens_refused_total[10m])) > 1 and"
                    " sum(rate(minibank_tokens_refused_total[10m]))"
                    " > sum(rate(minibank_tokens_issued_total[10m]))",
                    "More token requests are refused than answered: a client broke, or somebody"
                    " guesses.",
                )
            ],
        )
        self.reuses = Counter(
            "minibank_refresh_token_reuses_total",
            "Refresh tokens that came a second time: two parties hold them (RFC 9700 4.14.2).",
            alerts=[
                Alert(
                    "MinibankRefreshTokensReused",
                    "increase(minibank_refresh_token_reuses_total[1h]) > 5",
                    "Spent refresh tokens come back: a client repeats requests, or tokens were"
                    " stolen.",
                    minutes=0,
                )
            ],
        )
        self.throttled = Counter(
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
