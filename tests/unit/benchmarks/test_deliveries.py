"""Deliveries that are measured: where they lead, what arrived, and what that comes to."""

import msgspec
import pytest

from benchmarks.deliveries import measure_of
from benchmarks.outbox import payments
from benchmarks.receiving import FAILING_SHARE, Sink, latencies, rate_of
from benchmarks.sink import FAILED, TAKEN, Arrivals, Connection, split
from benchmarks.world import Holder

MESSAGE = b"POST /hooks/1 HTTP/1.1\r\nHost: a\r\nwebhook-id: %b\r\nContent-Length: 2\r\n\r\n{}"


class Wire:
    """A connection's other side."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


def connect(arrivals: Arrivals, answer: bytes = TAKEN) -> tuple[Connection, Wire]:
    """A connection to the sink."""
    connection, wire = Connection(arrivals, answer), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type] # no more of it is used
    return connection, wire


def arrived(answer: bytes) -> dict[str, int]:
    """The arrivals in an answer of the sink."""
    return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=dict[str, int])


def test_a_request_is_taken_when_it_is_whole_however_it_comes_in():
    whole = MESSAGE % b"one"
    assert all(split(whole[:size]) is None for size in range(len(whole)))
    found = split(whole + b"POST")
    assert found is not None
    assert found[1] == b"POST"


def test_the_sink_answers_at_once_and_notes_the_first_arrival_of_each(arrivals: Arrivals):
    connection, wire = connect(arrivals)
    for byte in MESSAGE % b"one" + MESSAGE % b"two":
        connection.data_received(bytes([byte]))
    first = dict(arrivals.at)
    connection.data_received(MESSAGE % b"one")
    assert wire.written == [TAKEN] * 3
    assert arrivals.at == first
    assert list(first) == ["one", "two"]


def test_what_a_failing_port_is_told_did_not_arrive(arrivals: Arrivals):
    connection, wire = connect(arrivals, FAILED)
    connection.data_received(MESSAGE % b"one")
    assert wire.written == [FAILED]
    assert arrivals.at == {}


def test_who_asks_for_so_many_is_answered_when_so_many_have_arrived(arrivals: Arrivals):
    connection, _ = connect(arrivals)
    asking, wire = connect(arrivals)
    asking.data_received(b"GET /after/2 HTTP/1.1\r\n\r\n")
    connection.data_received(MESSAGE % b"one" + MESSAGE % b"one")
    assert wire.written == []
    connection.data_received(MESSAGE % b"two" + MESSAGE % b"three")
    [answer] = wire.written
    assert arrived(answer).keys() == {"one", "two"}


def test_what_arrived_can_be_forgotten(arrivals: Arrivals):
    connection, wire = connect(arrivals)
    connection.data_received(MESSAGE % b"one" + b"DELETE / HTTP/1.1\r\n\r\n")
    connection.data_received(b"GET /after/0 HTTP/1.1\r\n\r\n")
    assert arrived(wire.written[-1]) == {}


def test_one_webhook_in_twenty_leads_to_a_receiver_that_fails_each_to_another():
    urls = Sink(1, fails=(10, 11, 12, 13, 14), refuses=(20, 21, 22, 23, 24)).urls(200)
    failing = [url for url, fails in urls.items() if fails]
    assert len(urls) == 200
    assert len(failing) == 200 // FAILING_SHARE
    ports = [int(url.split(":")[2].split("/")[0]) for url in failing]
    assert sorted(ports) == [*range(10, 15), *range(20, 25)]
    assert all(url.startswith("http://127.0.0.1:1/") for url in urls.keys() - set(failing))


def test_the_rate_is_that_between_the_first_arrival_and_the_last():
    assert rate_of([3_000_000, 1_000_000, 2_000_000]) == 1.0
    assert rate_of([1_000_000 + 1000 * n for n in range(101)]) == 1000.0


def test_a_latency_goes_from_when_a_message_was_made_to_its_arrival():
    made = {f"m{number}": 1_000_000 for number in range(100)}
    at = {f"m{number}": 1_000_000 + 1000 * (number + 1) for number in range(100)}
    assert latencies(made, at | {"of another round": 7}) == (50.0, 99.0)


def test_what_has_not_arrived_has_no_latency():
    with pytest.raises(KeyError):
        latencies({"lost": 1}, {})


def test_no_payment_is_another_once_more():
    holders = [Holder(f"acc_{number}", f"card_{number}", "") for number in range(3)]
    made = [*payments(holders, 2, "one"), *payments(holders, 2, "two")]
    assert len({(one.account_id, one.id) for one in made}) == 12


def test_each_number_of_workers_has_a_name_of_its_own():
    names = [
        measure_of(workers, failing=failing) for workers in (1, 4) for failing in (False, True)
    ]
    assert names == [
        "deliveries",
        "deliveries_failing",
        "deliveries_w4",
        "deliveries_w4_failing",
    ]
