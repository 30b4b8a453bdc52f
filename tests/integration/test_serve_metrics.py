"""The metrics of a bank that serves: of one process, of several, and of those that died."""

import os
import signal
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.test_metrics_listener import free_port
from tests.integration.test_serve_workers import Server, serving, wait_for

Samples = dict[str, float]


def read(port: int) -> Samples:
    """All samples, by name and labels."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    return {
        one.name + "".join(f" {value}" for _, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
    }


PINGS = "minibank_http_requests_total GET /ping 200"
RUNNING = "minibank_processes_running"


def ping(server: Server, times: int) -> None:
    for _ in range(times):
        # A connection each, so that they spread over the processes.
        assert httpx.get(f"{server.url}/ping", timeout=20).status_code == 200


def test_one_process_counts_what_it_answers(database_url: str, tmp_path: Path):
    port = free_port()
    with serving(tmp_path, database_url, "--set", f"metrics_port={port}") as server:
        ping(server, 3)
        httpx.get(f"{server.url}/secret-of-a-client/1?x=y")
        httpx.request("BREW", f"{server.url}/ping")
        httpx.get(f"{server.url}/logos/secret-of-a-client.png")
        found = read(port)
        assert found[PINGS] == 3
        assert found["minibank_http_requests_total GET unknown 404"] == 1
        assert found["minibank_http_requests_total GET /logos/{file} 404"] == 1
        assert found["minibank_http_requests_in_flight"] == 0
        assert found[RUNNING] == found["minibank_processes_wanted"] == 1
        assert found["process_cpu_seconds_total"] > 0
        assert not [name for name in found if "secret" in name or "BREW" in name]
        assert httpx.get(f"{server.url}/metrics").status_code == 404


def test_processes_are_counted_together_and_no_counter_goes_back_when_one_dies(
    postgres_url: str, tmp_path: Path
):
    port = free_port()
    flags = ("--workers", "2", "--set", f"metrics_port={port}")
    with serving(tmp_path, postgres_url, *flags) as server:
        ping(server, 20)
        wait_for(lambda: read(port).get(PINGS) == 20, server.said)
        wait_for(lambda: read(port).get(RUNNING) == 2, server.said)
        before = read(port)
        assert before["minibank_database_connections_max"] == 20
        os.kill(server.children()[0], signal.SIGKILL)
        wait_for(lambda: read(port)["minibank_processes_ended_total"] == 1, server.said)
        wait_for(lambda: read(port)[RUNNING] == 2, server.said)
        after = read(port)
        assert after[PINGS] == 20
        assert after["minibank_http_request_seconds_count GET /ping"] == 20
        assert after["process_cpu_seconds_total"] >= before["process_cpu_seconds_total"]
        ping(server, 5)
        wait_for(lambda: read(port)[PINGS] == 25, server.said)


def test_a_process_that_hangs_is_seen_and_holds_up_no_page(postgres_url: str, tmp_path: Path):
    port = free_port()
    flags = ("--workers", "2", "--set", f"metrics_port={port}")
    with serving(tmp_path, postgres_url, *flags) as server:
        ping(server, 1)
        wait_for(lambda: read(port).get(RUNNING) == 2, server.said)
        hanging = server.children()[0]
        os.kill(hanging, signal.SIGSTOP)
        try:
            wait_for(lambda: read(port)["minibank_processes_silent_seconds"] > 3, server.said)
        finally:
            os.kill(hanging, signal.SIGCONT)
        wait_for(lambda: read(port)["minibank_processes_silent_seconds"] < 3, server.said)


def test_a_taken_port_of_the_metrics_is_said_in_one_line(sqlite_url: str, tmp_path: Path):
    with serving(tmp_path, sqlite_url) as server:
        taken = server.url.rpartition(":")[2]
        with serving(tmp_path, sqlite_url, "--set", f"metrics_port={taken}", name="other") as other:
            assert other.process.wait(30) == 2
            assert other.said().count("\n") == 1
            assert f"metrics_port: port {taken} of 127.0.0.1 cannot be listened on" in other.said()


def test_the_end_of_the_certificate_is_on_the_page(sqlite_url: str, tmp_path: Path):
    port = free_port()
    flags = ("--tls", "dev", "--set", f"metrics_port={port}")
    with serving(tmp_path, sqlite_url, *flags) as server:
        wait_for(lambda: "answers at" in server.said(), server.said)
        found = read(port)
        ends_at = found["minibank_tls_certificate_ends_at_seconds"]
        assert 390 < (ends_at - found["process_start_time_seconds"]) / 86400 < 400
