"""The page docs/reference/metrics.md and the rules docs/operations/alerts.yml, from the code."""

import json
from collections.abc import Iterator

from minibank.app.metrics import BankMetrics, SupervisorMetrics
from minibank.metrics.instruments import Alert, AnyInstrument, Gauge, instruments_of

_INTRODUCTION = """\
# Metrics

What a bank counts of itself, at `/metrics` of [`metrics_host`](settings.md#metrics_host) and
[`metrics_port`](settings.md#metrics_port), merged over all its processes. How to use it is in
[Monitor a bank](../guides/monitor-a-bank.md); the alerts below are ready for Prometheus in
[alerts.yml](../operations/alerts.yml).

No label holds a word that a client sent. A counter never goes back while the bank runs, also when a
process dies and is started again. "together" says what several processes come to: a counter and a
histogram are always added up.

This page is generated from the code: `minibank reference metrics`."""

_RULES = """\
# Alerts for Prometheus (rule_files), one for each thing that goes wrong with a bank.
# Generated from the code: `minibank reference alerts`. The job that reads the bank is "minibank".
groups:
  - name: minibank
    rules:
"""

DOWN = Alert(
    "MinibankDown",
    'up{job="minibank"} == 0',
    "The metrics of a bank cannot be read: it is down, or its port is closed.",
    minutes=1,
    severity="page",
)


def all_instruments() -> list[AnyInstrument]:
    """Everything that a bank counts."""
    return [*BankMetrics().instruments(), *instruments_of(SupervisorMetrics())]


def metrics_reference() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for one in all_instruments():
        lines += ["", f"## `{one.name}`", "", one.meaning, "", *_facts(one)]
        for alert in one.alerts:
            lines += ["", *_shown(alert)]
    return "\n".join(lines) + "\n"


def _facts(one: AnyInstrument) -> Iterator[str]:
    together = f", together: {one.together}" if isinstance(one, Gauge) else ""
    yield f"* {one.kind}{together}"
    if one.labels:
        yield f"* labels: {', '.join(f'`{label}`' for label in one.labels)}"


def _shown(alert: Alert) -> Iterator[str]:
    lasting = f" for {alert.minutes} min" if alert.minutes else ""
    yield f"Alert `{alert.name}` ({alert.severity}{lasting}): {alert.summary}"
    yield from ("", "```promql", alert.expression, "```")


def alert_rules() -> str:
    """The whole file of rules."""
    alerts = [DOWN, *(alert for one in all_instruments() for alert in one.alerts)]
    return _RULES + "\n".join(line for alert in alerts for line in _rule(alert)) + "\n"


def _rule(alert: Alert) -> Iterator[str]:
    # A string of JSON is one of YAML.
    yield f"      - alert: {alert.name}"
    yield f"        expr: {json.dumps(alert.expression)}"
    yield f"        for: {alert.minutes}m"
    yield f"        labels: {{severity: {alert.severity}}}"
    yield f"        annotations: {{summary: {json.dumps(alert.summary)}}}"
