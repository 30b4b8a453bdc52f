"""From `since` and `before` to places in the order of a history."""

import pytest

from minibank.core.errors import BadParam
from minibank.core.pages import END, START, ObjectId, Position, Window
from minibank.transactions.windows import ids_in, span_of

KNOWN = ObjectId("tx_1")
PLACE = Position(1_700_000_000_123_456, "tx_1")


def test_without_bounds_a_window_is_the_whole_history():
    span = span_of(Window(limit=30), {})
    assert (span.after, span.until, span.limit) == (START, END, 30)


def test_a_timestamp_stands_before_the_first_row_of_its_millisecond_on_both_sides():
    span = span_of(Window(limit=1, since=PLACE.created_at, before=PLACE.created_at), {})
    assert span.after == span.until == Position(1_700_000_000_123_000, "")
    assert span.after < PLACE
    assert span.until <= PLACE


def test_an_object_leaves_itself_out_on_both_sides():
    span = span_of(Window(limit=1, since=KNOWN, before=KNOWN), {KNOWN: PLACE})
    assert span.after == span.until == PLACE


@pytest.mark.parametrize(
    ("name", "window"),
    [("since", Window(limit=1, since=KNOWN)), ("before", Window(limit=1, before=KNOWN))],
)
def test_an_object_that_is_not_of_this_history_is_refused(name, window):
    with pytest.raises(BadParam) as refused:
        span_of(window, {})
    assert refused.value.code == f"bad_request.bad_param.{name}"


def test_only_objects_need_to_be_looked_up():
    assert ids_in(Window(limit=1, since=5, before=KNOWN)) == [KNOWN]
    assert ids_in(Window(limit=1, since=5)) == []
