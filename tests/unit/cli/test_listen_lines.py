"""What a person reads of a delivery, whatever it tells of."""

import msgspec
import pytest

from minibank.app.listening import Arrived
from minibank.cli.listen_lines import Lines
from minibank.core.clock import FakeClock

NOON = 1_773_144_000_000_000


def said(capsys: pytest.CaptureFixture[str], body: bytes, **more: object) -> str:
    """The line for a delivery with this body."""
    arrived = Arrived(
        account_id="acc_1",
        delivery_id="delivery_1",
        sequence="7",
        body=body,
        status=more.pop("status", 200),  # type: ignore[arg-type]
        fault=more.pop("fault", ""),  # type: ignore[arg-type]
        microseconds=12_345,
    )
    Lines(FakeClock(NOON), "http://localhost/", bool(more.get("as_json"))).tell(arrived)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"id": "tx_1", "amount": -535, "currency": "GBP"}, "tx_1  -5.35 GBP"),
        ({"id": "feeditem_1", "account_id": "acc_1"}, "feeditem_1"),
        ({"transaction_id": "tx_1", "balance": 5, "currency": "GBP"}, "tx_1  0.05 GBP available"),
        ({"webhook_id": "webhook_1", "account_id": "acc_1"}, "webhook_1"),
        ({"account_id": "acc_1"}, "acc_1"),
    ],
)
def test_a_line_names_what_it_is_about(
    capsys: pytest.CaptureFixture[str], data: dict[str, object], words: str
):
    body = msgspec.json.encode({"type": "some.event", "data": data})
    assert said(capsys, body) == f"12:00:00  #7  some.event  {words}  200 in 12 ms\n"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"type": 5}', b"\xff", b'{"type": "x"}'])
def test_what_cannot_be_read_is_told_of_all_the_same(
    capsys: pytest.CaptureFixture[str], body: bytes
):
    assert "(unreadable)" in said(capsys, body)
    line = msgspec.json.decode(said(capsys, body, as_json=True))
    assert (line["event"], line["payload"], line["status"]) == ("", None, 200)


def test_an_address_that_does_not_answer_is_told_of_as_such(capsys: pytest.CaptureFixture[str]):
    line = said(capsys, b"", status=502, fault="connect")
    assert "no answer (connect), told the bank 502 in 12 ms" in line


def test_what_an_event_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    body = msgspec.json.encode({"type": "\x1b[2J[red]x", "data": {"id": "tx_1"}})
    assert "\ufffd[2J[red]x" in said(capsys, body)
