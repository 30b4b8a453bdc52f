"""What is known of deliveries: how many wait, how attempts go."""

from dataclasses import dataclass

from minibank.metrics.instruments import Alert, Counter, Gauge, Histogram, instrument

COUNTED_MAX = 100_000
"""Up to here what waits is counted; more is reported as so much."""


@dataclass(frozen=True)
class DeliveryMetrics:
    """The instruments of one process that delivers."""

    attempts: Counter = instrument(
        Counter,
        "minibank_webhook_attempts_total",
        "Attempts to deliver to a webhook, by what came of it: the class of the answer's status, or"
        " what went wrong before there was one.",
        ("result",),
    )
    attempt_seconds: Histogram = instrument(
        Histogram,
        "minibank_webhook_attempt_seconds",
        "How long an attempt took, from looking the name up to the end of the answer.",
    )
    latency_seconds: Histogram = instrument(
        Histogram,
        "minibank_webhook_latency_seconds",
        "From the event to the beginning of its first attempt, by the bank's clock.",
        alerts=[
            Alert(
                "MinibankWebhooksSlow",
                "histogram_quantile(0.99, sum by (le, instance)"
                " (rate(minibank_webhook_latency_seconds_bucket[15m]))) > 5",
                "Webhooks are told of events more than five seconds late.",
                minutes=15,
            )
        ],
    )
    ended: Counter = instrument(
        Counter,
        "minibank_webhook_deliveries_ended_total",
        "Deliveries that are over: taken by the receiver, failed in every attempt, or cancelled.",
        ("state",),
        known=[("delivered", "failed", "cancelled")],
        alerts=[
            Alert(
                "MinibankWebhooksFail",
                'increase(minibank_webhook_deliveries_ended_total{state="failed"}[1h])'
                ' > 0.2 * increase(minibank_webhook_deliveries_ended_total{state="delivered"}[1h])'
                " + 100",
                "Many deliveries fail for good: are receivers down, or out of reach of the bank?",
                minutes=30,
            )
        ],
    )
    disabled: Counter = instrument(
        Counter,
        "minibank_webhooks_disabled_total",
        "Webhooks that the bank gave up because their policy says so.",
    )
    in_flight: Gauge = instrument(
        Gauge, "minibank_webhook_claims", "Deliveries that are claimed and not yet recorded."
    )
    pending: Gauge = instrument(
        Gauge,
        "minibank_webhook_pending",
        "Deliveries that waited at the last count, due at once or later; counted up to 100,000.",
        together="max",
        alerts=[
            Alert(
                "MinibankWebhooksPileUp",
                "minibank_webhook_pending > 50000",
                "Deliveries pile up: many receivers are down, or too few processes send.",
                minutes=15,
            )
        ],
    )
    oldest_seconds: Gauge = instrument(
        Gauge,
        "minibank_webhook_oldest_seconds",
        "How long ago the oldest delivery fell due that nobody has claimed; 0 without any. By the"
        " bank's clock.",
        together="max",
        alerts=[
            Alert(
                "MinibankWebhooksLate",
                "minibank_webhook_oldest_seconds > 300",
                "Deliveries wait for more than five minutes: nobody sends, or not fast enough.",
            )
        ],
    )
    looks: Counter = instrument(
        Counter,
        "minibank_webhook_looks_total",
        "Looks for due deliveries.",
        alerts=[
            Alert(
                "MinibankWebhooksStopped",
                "increase(minibank_webhook_looks_total[10m]) == 0",
                "Nobody looks for due deliveries: webhooks are told nothing.",
                severity="page",
            )
        ],
    )
