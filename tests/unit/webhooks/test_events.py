"""What a webhook may ask for."""

import pytest

from minibank.core.errors import BadParam
from minibank.webhooks.events import DEFAULT, EVENTS, chosen, events_from_json, events_to_json


def test_who_asks_for_nothing_is_told_of_new_transactions() -> None:
    assert chosen([]) == DEFAULT == ("transaction.created",)


def test_each_event_is_kept_once_whatever_the_order() -> None:
    asked = ["balance.updated", "transaction.created", "balance.updated"]
    assert chosen(asked) == ("transaction.created", "balance.updated")
    assert chosen(reversed(EVENTS)) == EVENTS


@pytest.mark.parametrize("unknown", ["transaction.create", "pot.*", "Transaction.created", "*"])
def test_an_event_that_nobody_knows_is_refused(unknown: str) -> None:
    with pytest.raises(BadParam) as caught:
        chosen(["transaction.created", unknown])
    assert caught.value.code == "bad_request.bad_param.events"


def test_events_read_back_as_they_were_kept() -> None:
    assert events_from_json(events_to_json(EVENTS)) == set(EVENTS)
