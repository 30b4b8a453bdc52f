"""Token buckets by a clock that the test moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minibank.api.rates import Buckets, Policy, Standing

POLICY = Policy("address", 60)


def buckets(quota: int = 60, subjects_max: int = 100) -> Buckets:
    return Buckets(Policy("address", quota), subjects_max)


def test_a_full_bucket_lets_its_whole_quota_through_at_once_and_then_no_more():
    one = buckets()
    standings = [one.take("a", 5.0) for _ in range(60)]
    assert [standing.remaining for standing in standings] == list(range(59, -1, -1))
    assert {standing.retry_seconds for standing in standings} == {0}
    assert one.take("a", 5.0) == Standing(POLICY, remaining=0, reset_seconds=60, retry_seconds=1)


def test_a_bucket_fills_evenly():
    one = buckets()
    for _ in range(60):
        one.take("a", 5.0)
    assert one.take("a", 5.999).retry_seconds == 1
    assert one.take("a", 6.0).retry_seconds == 0
    assert one.take("a", 6.0).retry_seconds == 1
    assert one.take("a", 36.0).remaining == 29
    assert one.take("a", 1000.0) == Standing(POLICY, 59, reset_seconds=1, retry_seconds=0)


def test_whoever_waits_as_told_is_let_through():
    one = buckets(quota=7)
    now = 0.0
    for _ in range(50):
        standing = one.take("a", now)
        if standing.retry_seconds:
            now += standing.retry_seconds
            assert one.take("a", now).retry_seconds == 0


def test_a_refusal_takes_nothing():
    one = buckets()
    for _ in range(60):
        one.take("a", 0.0)
    for _ in range(10_000):
        assert one.take("a", 0.5).retry_seconds == 1
    assert one.take("a", 1.0).retry_seconds == 0


def test_subjects_do_not_share_a_bucket():
    one = buckets(quota=1)
    assert one.take("a", 0.0).retry_seconds == 0
    assert one.take("b", 0.0).retry_seconds == 0
    assert one.take("a", 0.0).retry_seconds == 60


def test_a_charge_is_counted_and_never_refused():
    one = buckets(quota=2)
    assert [one.charge("a", 0.0).remaining for _ in range(4)] == [1, 0, 0, 0]
    assert one.charge("a", 0.0).retry_seconds == 0
    assert one.take("a", 0.0).retry_seconds == 30


def test_what_is_remembered_is_bounded_and_the_longest_unused_goes_first():
    one = buckets(quota=1, subjects_max=3)
    for subject in "abc":
        one.take(subject, 0.0)
    one.take("d", 0.0)
    assert one.size == 3
    assert one.take("b", 0.0).retry_seconds == 60
    assert one.take("a", 0.0).retry_seconds == 0


@settings(max_examples=60)
@given(st.integers(1, 1000), st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200))
def test_no_timing_gets_more_than_the_quota_and_what_has_filled_since(quota, gaps):
    one = buckets(quota)
    now, passed = 0.0, 0
    for gap in gaps:
        now += gap
        passed += one.take("a", now).retry_seconds == 0
        assert passed <= quota + now * quota / 60 + 1e-3


@pytest.mark.parametrize("quota", [1, 7, 60, 1_000_000])
def test_the_standing_never_promises_what_is_not_kept(quota):
    one = buckets(quota)
    standing = one.take("a", 0.25)
    for _ in range(min(standing.remaining, 500)):
        assert one.take("a", 0.25).retry_seconds == 0
    assert one.take("a", 0.25 + standing.reset_seconds + 60).remaining == quota - 1
