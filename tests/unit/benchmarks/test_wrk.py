"""What is sent with wrk, and what is made of its output."""

import pytest

from benchmarks.figures import Round
from benchmarks.wrk import UNIQUE, UNIQUE_LENGTH, Failed, Said, get, parse, post, round_of

OUTPUT = """Running 1s test @ http://127.0.0.1:8484
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     7.25ms    2.12ms  61.94ms   97.00%%
Requests/sec:   4248.00

{"requests":8496,"microseconds":2000000,"p50":7250,"p99":61940,"unanswered":%d,"refused":%d}
"""


def test_the_figures_are_in_the_last_line_of_the_output():
    said = parse(OUTPUT % (0, 0))
    assert said == Said(8496, 2_000_000, 7250, 61_940, 0, 0)
    assert round_of(said) == Round(rate=4248, p50_ms=7.25, p99_ms=61.94)


@pytest.mark.parametrize(("unanswered", "refused"), [(1, 0), (0, 1)])
def test_a_run_in_which_requests_failed_measured_nothing(unanswered: int, refused: int):
    with pytest.raises(Failed, match=f"{refused} were refused and {unanswered} not answered"):
        parse(OUTPUT % (unanswered, refused))


def test_a_run_without_any_answer_has_no_rate():
    with pytest.raises(Failed, match="no request"):
        round_of(Said(0, 1_000_000, 0, 0, 0, 0))


def test_a_get_request_is_whole():
    assert get("bank.example", "/accounts", "mb_at_1") == (
        "GET /accounts HTTP/1.1\r\nHost: bank.example\r\nAuthorization: Bearer mb_at_1\r\n\r\n"
    )


def test_the_length_of_a_body_counts_what_takes_the_place_of_the_mark():
    body = f'{{"id":"{UNIQUE}","name":"café"}}'
    sent = post("bank.example", "/payments", body).replace(UNIQUE, "x" * UNIQUE_LENGTH)
    head, _, sent_body = sent.partition("\r\n\r\n")
    assert f"Content-Length: {len(sent_body.encode())}" in head.split("\r\n")
