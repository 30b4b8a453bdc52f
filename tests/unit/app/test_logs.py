"""What a log line may say."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
import structlog
from typing_extensions import override

from minibank.app.logs import configure_logs
from minibank.settings import Mode, Settings


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_a_fault_is_logged_without_its_message_and_the_values_of_variables(
    mode: Mode, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode=mode))
    hidden = "mb_at_" + "s3cret" * 5

    def fail(token: str) -> int:
        assert len(token) > 10
        raise ValueError(f"cannot read {token}")

    try:
        fail(hidden)
    except ValueError:
        structlog.get_logger().exception("failed")

    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "in fail" in logged
    assert hidden not in logged


def log_request(code: str | None) -> None:
    structlog.get_logger().info(
        "request", method="GET", path="/ping", status=200, code=code, milliseconds=1.7
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [(None, "GET /ping 200 in 2 ms"), ("some.code", "GET /ping 200 some.code in 2 ms")],
)
def test_a_sandbox_logs_a_request_in_a_few_words(
    code: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode="sandbox"))
    log_request(code)
    logged = capsys.readouterr().err
    assert re.fullmatch(rf"\d\d:\d\d:\d\d \[info\] {re.escape(words)}\n", logged)


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_a_request_is_logged_as_any_other_line_would_be(
    mode: Mode, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode=mode))
    log_request("some.code")
    by_the_short_way = capsys.readouterr().err
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    log_request("some.code")
    usual = capsys.readouterr().err
    digits = re.compile(r"\d\d:\d\d:\d\d(\.\d{6})?")
    assert digits.sub("", by_the_short_way) == digits.sub("", usual)
    assert len(by_the_short_way) == len(usual)


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_a_request_is_not_logged_below_the_level(
    mode: Mode, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode=mode, log_level="warning"))
    log_request("some.code")
    assert capsys.readouterr().err == ""


def test_what_is_bound_to_a_logger_stands_in_the_line_of_a_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(Settings(mode="production"))
    structlog.get_logger().bind(process=2).info("request", status=200)
    assert json.loads(capsys.readouterr().err)["process"] == 2


@pytest.mark.parametrize("value", ["\udc80", object(), {"a": {1, 2}}, 10**400])
def test_a_production_bank_logs_json_whatever_the_value(
    value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode="production"))
    structlog.get_logger().info("odd", value=value)
    assert json.loads(capsys.readouterr().err)["event"] == "odd"


@pytest.fixture(autouse=True)
def _usual_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class FullDisk(io.StringIO):
    """A stream that takes nothing."""

    @override
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    @override
    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_a_line_that_cannot_be_written_is_lost_and_nobody_is_told(mode, monkeypatch):
    # Whoever logs may be in the middle of answering commands, which must all be answered.
    monkeypatch.setattr(sys, "stderr", FullDisk())
    configure_logs(Settings(mode=mode))
    structlog.get_logger().error("commands were refused", commands=1)
    logging.getLogger("asyncio").warning("slow")
