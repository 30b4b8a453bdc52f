"""Windows into an ordered history."""

from hypothesis import given
from hypothesis import strategies as st

from minibank.core.pages import END, LIMIT_MAX, START, ObjectId, Position, Window, floor_of

instants = st.integers(0, 2**62)
ids = st.text(st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")), max_size=30)


@given(instants, ids)
def test_every_row_lies_between_the_start_and_the_end(created_at: int, identifier: str):
    assert START < Position(created_at, identifier) < END


@given(instants, instants, ids, ids)
def test_positions_are_ordered_by_instant_and_then_by_id(at: int, then: int, one: str, other: str):
    assert (Position(at, one) < Position(then, other)) == ((at, one) < (then, other))


@given(instants, ids.filter(bool))
def test_the_floor_of_an_instant_lies_before_every_row_of_its_millisecond(at: int, one: str):
    floor = floor_of(at)
    first = at // 1000 * 1000
    assert floor < Position(first, one)
    assert floor > Position(first - 1, "z" * 30)


def test_the_floor_is_the_same_for_all_instants_of_a_millisecond():
    assert {floor_of(5_000 + n) for n in range(1000)} == {Position(5_000, "")}


def test_a_window_without_bounds_is_the_whole_history():
    window = Window(limit=LIMIT_MAX)
    assert (window.since, window.before) == (None, None)
    assert Window(5, ObjectId("tx_1")).since == "tx_1"
