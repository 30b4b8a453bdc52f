"""Numbers made of numbers."""

import pytest

from benchmarks.figures import (
    RATIOS,
    Ratio,
    Round,
    median_ratio,
    median_round,
    percentile,
    ratio_line,
)


def test_the_median_round_has_the_median_of_each_figure_by_itself():
    rounds = [Round(10, 5, 90, 7), Round(30, 1, 70, 9), Round(20, 3, 80, 8)]
    assert median_round(rounds) == Round(20, 3, 80, 8)


def test_processor_time_that_is_not_known_is_left_out():
    assert median_round([Round(1, 1, 1), Round(1, 1, 1, 6)]).cpu_us == 6
    assert median_round([Round(1, 1, 1)]).cpu_us is None


def test_a_ratio_compares_within_rounds_so_that_what_slows_both_down_cancels_out():
    quiet, busy = 100.0, 10.0
    ours = [quiet / 2, busy / 2, busy / 2]
    limits = [quiet, busy, busy]
    assert median_ratio(ours, limits) == 0.5


def test_a_limit_is_measured_as_often_as_what_it_limits():
    with pytest.raises(ValueError, match="argument"):
        median_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_a_value_that_occurred(percent: float, value: float):
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_one_value_is_every_percentile():
    assert {percentile([7.0], percent) for percent in (0, 50, 99, 100)} == {7.0}


def test_scripts_read_a_ratio_from_a_line_of_four_words():
    assert ratio_line(Ratio("write_vs_tpcb", "sqlite", 1.23456)) == (
        "ratio write_vs_tpcb sqlite 1.235"
    )


def test_a_ratio_has_a_known_name():
    with pytest.raises(AssertionError, match="no known ratio"):
        ratio_line(Ratio("speed", "sqlite", 1.0))
    assert len(set(RATIOS)) == len(RATIOS)
