"""What several processes counted, as one."""

from hypothesis import given
from hypothesis import strategies as st

from minibank.metrics.instruments import (
    AnyInstrument,
    Counter,
    Gauge,
    Histogram,
    Sample,
    snapshot_of,
)
from minibank.metrics.merge import Totals

COUNTER = Counter("c_total", "m", ("a",))
SUM, MAX, MIN = (Gauge(name, "m", together=name) for name in ("sum", "max", "min"))
HISTOGRAM = Histogram("h", "m", buckets=(1,))
ALL: list[AnyInstrument] = [COUNTER, SUM, MAX, MIN, HISTOGRAM]


def reports(number: int) -> dict[str, list[Sample]]:
    """What a process says."""
    gauges = {name: [Sample((), number)] for name in ("sum", "max", "min")}
    counts = (number, 1)
    return {
        "c_total": [Sample(("x",), number), Sample((str(number),), 1)],
        "h": [Sample((), number, counts)],
        **gauges,
    }


def test_counters_and_histograms_add_up_and_gauges_do_as_they_are_told():
    totals = Totals(ALL)
    totals.report(1, reports(2))
    totals.report(2, reports(5))
    assert totals.merged() == {
        "c_total": [Sample(("x",), 7), Sample(("2",), 1), Sample(("5",), 1)],
        "sum": [Sample((), 7)],
        "max": [Sample((), 5)],
        "min": [Sample((), 2)],
        "h": [Sample((), 7, (7, 2))],
    }


def test_a_report_takes_the_place_of_the_one_before():
    totals = Totals(ALL)
    totals.report(1, reports(2))
    totals.report(1, reports(3))
    assert totals.merged()["sum"] == [Sample((), 3)]


def test_what_a_process_that_is_gone_counted_stays_and_what_it_had_does_not():
    totals = Totals(ALL)
    totals.report(1, reports(2))
    totals.retire(1)
    totals.retire(1)
    totals.report(2, reports(5))
    merged = totals.merged()
    assert merged["c_total"][0] == Sample(("x",), 7)
    assert merged["h"] == [Sample((), 7, (7, 2))]
    assert merged["sum"] == merged["min"] == [Sample((), 5)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("count"), st.integers(0, 2), st.integers(1, 9)),
            st.tuples(st.just("die"), st.integers(0, 2), st.just(0)),
        )
    )
)
def test_no_counter_ever_goes_back_whoever_dies(steps):
    totals = Totals([COUNTER])
    counters: dict[int, Counter] = {}
    process: dict[int, int] = {}
    before, born = 0.0, 0
    for step, slot, amount in steps:
        if step == "die":
            totals.retire(process.pop(slot, -1))
            counters.pop(slot, None)
        else:
            if slot not in process:
                born += 1
                process[slot], counters[slot] = born, Counter("c_total", "m", ("a",))
            counters[slot].add("x", by=amount)
            totals.report(process[slot], snapshot_of([counters[slot]]))
        now = sum(sample.value for sample in totals.merged()["c_total"])
        assert now == before + amount
        before = now
