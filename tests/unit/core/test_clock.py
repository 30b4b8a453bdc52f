"""Clocks: the machine's own, and one that stands still until it is told to move."""

import time

import pytest

from minibank.core.clock import MICROSECONDS, FakeClock, SystemClock


def test_the_system_clock_tells_the_present_in_microseconds():
    before = time.time_ns() // 1000
    now = SystemClock().now()
    assert before <= now <= time.time_ns() // 1000


def test_the_system_clock_measures_seconds_that_never_go_back():
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)
    before = clock.monotonic()
    time.sleep(0.01)
    assert 0.01 <= clock.monotonic() - before < 5


def test_a_fake_clock_stands_still_until_it_is_told_to_move():
    clock = FakeClock(1_000_000)
    assert (clock.now(), clock.now()) == (1_000_000, 1_000_000)
    assert clock.monotonic() == 1.0
    clock.advance(2.5)
    assert clock.now() == 1_000_000 + 2.5 * MICROSECONDS
    assert clock.monotonic() == 3.5
    clock.advance(0)
    assert clock.monotonic() == 3.5


def test_a_fake_clock_never_goes_back():
    clock = FakeClock(1_000_000)
    with pytest.raises(AssertionError):
        clock.advance(-0.001)
    assert clock.now() == 1_000_000
