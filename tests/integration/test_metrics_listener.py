"""The port of the metrics: one page, asked for by one GET, and nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from minibank.app.metrics import BankMetrics, SupervisorMetrics
from minibank.app.reports import page_of
from minibank.metrics import listener
from minibank.metrics.listener import CONNECTIONS_MAX, HEAD_BYTES_MAX, answering


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port


@asynccontextmanager
async def listening(metrics: BankMetrics | None = None) -> AsyncIterator[int]:
    port = free_port()
    page = page_of(metrics or BankMetrics(), SupervisorMetrics())
    async with answering("127.0.0.1", port, page):
        yield port


async def ask(port: int, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    writer.close()
    line, *lines = head.decode().split("\r\n")
    pairs = (text.partition(": ") for text in lines)
    return int(line.split()[1]), {name: value for name, _, value in pairs}, body


GET = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"


async def test_the_page_is_what_prometheus_reads():
    metrics = BankMetrics()
    metrics.http.requests.add("/ping", "GET", "200")
    metrics.http.seconds.observe(0.003, "/ping", "GET")
    metrics.engine.queue_length.set(4)
    async with listening(metrics) as port:
        status, headers, body = await ask(port, GET)
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert int(headers["content-length"]) == len(body)
    families = {one.name: one for one in text_string_to_metric_families(body.decode())}
    samples = {
        (one.name, *sorted(one.labels.items())): one.value
        for family in families.values()
        for one in family.samples
    }
    route, method = ("route", "/ping"), ("method", "GET")
    assert samples["minibank_http_requests_total", method, route, ("status", "200")] == 1
    seconds = "minibank_http_request_seconds"
    assert samples[f"{seconds}_bucket", ("le", "0.0025"), method, route] == 0
    assert samples[f"{seconds}_bucket", ("le", "0.005"), method, route] == 1
    assert samples[f"{seconds}_bucket", ("le", "+Inf"), method, route] == 1
    assert samples[f"{seconds}_count", method, route] == 1
    assert samples["minibank_engine_queue_length",] == 4
    assert families["minibank_engine_commits"].type == "counter"


async def test_openmetrics_is_there_for_whoever_accepts_it_and_no_word_of_theirs_comes_back():
    asked = b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=9.9.9\r\n\r\n"
    async with listening() as port:
        status, headers, body = await ask(port, asked)
    assert status == 200
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0;")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics/ HTTP/1.1\r\n\r\n", 404),
        (b"GET /ping HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\ncontent-length: 1\r\n\r\nx", 405),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nx: " + b"a" * 3 * HEAD_BYTES_MAX, 431),
    ],
)
async def test_everything_else_is_refused(sent: bytes, status: int):
    async with listening() as port:
        assert (await ask(port, sent))[0] == status
        assert (await ask(port, GET))[0] == 200


async def test_nobody_keeps_a_connection_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listener, "EXCHANGE_SECONDS", 0.2)
    async with listening() as port:
        for sent in (b"", b"GET /metrics HTTP/1.1\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            assert await asyncio.wait_for(is_ended(reader), 10)
            writer.close()


async def is_ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_connections_beyond_the_limit_are_closed_and_the_others_answered():
    async with listening() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(is_ended(reader), 5)
        writer.close()
        held[0][1].write(GET)
        assert (await asyncio.wait_for(held[0][0].read(), 5)).startswith(b"HTTP/1.1 200 ")
        for _, one in held:
            one.close()
        await asyncio.sleep(0.1)
        assert (await ask(port, GET))[0] == 200
