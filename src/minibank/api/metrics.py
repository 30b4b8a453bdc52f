"""What the HTTP edge counts. No label holds a word that a client sent."""

from dataclasses import dataclass

from minibank.core.errors import RateLimited
from minibank.metrics.instruments import Alert, Counter, Gauge, Histogram, instrument

_CAUSES = {
    "rate_limited.overloaded": "overloaded",
    "rate_limited.concurrency": "concurrency",
}
OVERLOADED = "overloaded"


@dataclass(frozen=True)
class HttpMetrics:
    """The instruments of one process's HTTP edge."""

    requests: Counter = instrument(
        Counter,
        "minibank_http_requests_total",
        "Requests that were answered. `route` is the pattern of the path, or `unknown`.",
        ("route", "method", "status"),
        alerts=[
            Alert(
                "MinibankAnswersFail",
                'sum by (instance) (rate(minibank_http_requests_total{status=~"5.."}[5m]))'
                " > 0.01 * sum by (instance) (rate(minibank_http_requests_total[5m]))",
                "More than one answer in a hundred is a 5xx: the log has them by request id.",
                severity="page",
            )
        ],
    )
    seconds: Histogram = instrument(
        Histogram,
        "minibank_http_request_seconds",
        "How long a request took, from its head to the last byte of its answer.",
        ("route", "method"),
        alerts=[
            Alert(
                "MinibankAnswersSlow",
                "histogram_quantile(0.99, sum by (instance, le)"
                " (rate(minibank_http_request_seconds_bucket[5m]))) > 1",
                "One answer in a hundred takes more than a second.",
                minutes=10,
            )
        ],
    )
    in_flight: Gauge = instrument(
        Gauge,
        "minibank_http_requests_in_flight",
        "Requests that are worked on at this moment.",
        alerts=[
            Alert(
                "MinibankRequestsPileUp",
                "minibank_http_requests_in_flight > 0.8 * minibank_http_requests_in_flight_max",
                "Requests pile up: soon they are answered 429.",
                minutes=2,
            )
        ],
    )
    in_flight_max: Gauge = instrument(
        Gauge,
        "minibank_http_requests_in_flight_max",
        "Requests that may be worked on: `requests_max` of each process.",
    )
    refused: Counter = instrument(
        Counter,
        "minibank_http_requests_refused_total",
        "Requests that were refused for what they are or for how many there are: by a limit"
        " (`overloaded`, `concurrency`, `address`, `token`, `client`, `user`), or before they"
        " could be read (the code of the refusal, such as `timeout.headers`).",
        ("cause",),
        known=((OVERLOADED, "concurrency", "address", "token", "client", "user"),),
        alerts=[
            Alert(
                "MinibankOverloaded",
                "sum by (instance)"
                ' (rate(minibank_http_requests_refused_total{cause="overloaded"}[5m])) > 0',
                "The bank refuses requests because it works on too many.",
                severity="page",
            ),
            Alert(
                "MinibankLimitsReached",
                "sum by (instance, cause) (rate(minibank_http_requests_refused_total"
                '{cause=~"concurrency|address|token|client|user"}[15m])) > 1',
                "Somebody keeps running into a limit: a client in a loop, or an attack.",
                minutes=15,
            ),
        ],
    )
    connections: Gauge = instrument(
        Gauge, "minibank_http_connections", "Connections that are open."
    )
    draining: Gauge = instrument(
        Gauge,
        "minibank_http_draining",
        "Processes that are stopping: they answer what they have and take no more.",
    )
    certificate_ends_at: Gauge = instrument(
        Gauge,
        "minibank_tls_certificate_ends_at_seconds",
        "When the certificate that is shown expires, in seconds since 1970.",
        together="min",
        alerts=[
            Alert(
                "MinibankCertificateEnds",
                "minibank_tls_certificate_ends_at_seconds - time() < 14 * 86400",
                "The certificate expires in less than two weeks: put a new one in its place and"
                " send SIGHUP.",
                minutes=60,
            ),
            Alert(
                "MinibankCertificateEndsSoon",
                "minibank_tls_certificate_ends_at_seconds - time() < 2 * 86400",
                "The certificate expires within two days.",
                severity="page",
            ),
        ],
    )

    def refuse(self, refusal: RateLimited) -> None:
        """Count a request that ran into a limit."""
        cause = refusal.params.get("policy") or _CAUSES.get(refusal.code, OVERLOADED)
        self.refused.add(cause)
