"""Counters, gauges and histograms of one process."""

import pytest

from minibank.app.metrics import BankMetrics
from minibank.metrics.instruments import (
    OTHER,
    SERIES_MAX,
    Counter,
    Gauge,
    Histogram,
    Sample,
    instruments_of,
)


def test_a_counter_counts_each_series_by_itself():
    counter = Counter("c_total", "m", ("a", "b"))
    counter.add("x", "1")
    counter.add("x", "1", by=2)
    counter.add("y", "1")
    assert counter.samples() == [Sample(("x", "1"), 3), Sample(("y", "1"), 1)]
    assert counter.total() == 4


def test_what_is_known_beforehand_begins_at_zero():
    counter = Counter("c_total", "m", ("a", "b"), known=(("x", "y"), ("1",)))
    assert counter.samples() == [Sample(("x", "1"), 0), Sample(("y", "1"), 0)]
    assert Counter("c_total", "m").samples() == [Sample((), 0)]


def test_a_gauge_that_nobody_set_does_not_appear():
    gauge = Gauge("g", "m")
    assert gauge.samples() == []
    gauge.set(2)
    gauge.set(1)
    assert gauge.samples() == [Sample((), 1)]


def test_what_is_followed_is_read_each_time():
    waiting: list[int] = []
    gauge = Gauge("g", "m")
    gauge.set(7)
    gauge.follow(lambda: len(waiting))
    assert gauge.samples() == [Sample((), 0)]
    waiting.append(1)
    assert gauge.samples() == [Sample((), 1)]


def test_a_histogram_counts_a_value_in_the_first_bucket_that_holds_it():
    histogram = Histogram("h", "m", ("a",), buckets=(1, 2))
    for value in (0.5, 1, 1.5, 2, 3):
        histogram.observe(value, "x")
    assert histogram.samples() == [Sample(("x",), 8, (2, 2, 1))]
    assert histogram.total() == 8


@pytest.mark.parametrize("make", [Counter, Gauge, Histogram])
def test_no_instrument_has_more_series_than_the_limit(make):
    instrument = make("i", "m", ("a",))
    count = instrument.observe if make is Histogram else None
    for number in range(SERIES_MAX + 5):
        if count:
            count(1, str(number))
        elif make is Counter:
            instrument.add(str(number))
        else:
            instrument.set(1, str(number))
    samples = instrument.samples()
    assert len(samples) == SERIES_MAX + 1
    assert samples[-1].labels == (OTHER,)


def test_labels_that_do_not_fit_are_a_fault():
    with pytest.raises(AssertionError, match="has the labels"):
        Counter("c_total", "m", ("a",)).add("x", "y")


def test_the_instruments_of_two_objects_are_not_the_same():
    one, two = BankMetrics(), BankMetrics()
    one.engine.commits.add()
    assert two.engine.commits.total() == 0


def test_names_say_their_kind_and_unit_and_are_there_once():
    instruments = BankMetrics().instruments()
    names = [one.name for one in instruments]
    assert len(set(names)) == len(names)
    assert all(name.startswith(("minibank_", "process_")) for name in names)
    for one in instruments:
        assert one.name.endswith("_total") == isinstance(one, Counter)
    assert list(instruments_of(object.__new__(type("Empty", (), {})))) == []


def test_alerts_have_a_name_of_their_own_and_ask_for_metrics_that_exist():
    instruments = BankMetrics().instruments()
    alerts = [(one.name, alert) for one in instruments for alert in one.alerts]
    assert len({alert.name for _, alert in alerts}) == len(alerts) > 20
    for name, alert in alerts:
        assert name in alert.expression
