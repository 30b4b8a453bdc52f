"""A store that speaks S3, as a process on this machine: SeaweedFS, whose server is in a wheel."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

START_SECONDS = 60
KEY, SECRET, BUCKET = "minibank", "a secret of tests", "bank-files"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@dataclass(frozen=True)
class Store:
    """A running store with one bucket."""

    endpoint: str
    process: subprocess.Popen[bytes]

    def pause(self) -> None:
        """Have it answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again."""
        self.process.send_signal(signal.SIGCONT)


def binary() -> str | None:
    """The server's program, if it is installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def running_store(directory: Path) -> Iterator[Store]:
    """A store with an empty bucket, until the block ends."""
    config = directory / "s3.json"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    (directory / "data").mkdir()
    port, *others = _free_ports(9)
    names = [
        *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
        *("filer.port", "filer.port.grpc", "s3.port.grpc", "metricsPort"),
    ]
    command = [
        *(binary() or "weed", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"),
        *(f"-s3.port={port}", f"-s3.config={config}", f"-dir={directory / 'data'}"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=0", "-master.telemetry=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-filer.localSocket={directory / 'filer'}", f"-s3.localSocket={directory / 's3'}"),
        *(f"-{name}={number}" for name, number in zip(names, others, strict=True)),
    ]
    with open(directory / "log.txt", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        store = Store(f"http://127.0.0.1:{port}", process)
        # A directory of the filer's is a bucket.
        filer = f"http://127.0.0.1:{others[names.index('filer.port')]}/buckets/{BUCKET}/"
        _wait(process, Request(filer, method="POST"), directory / "log.txt")
        _wait(process, Request(f"{store.endpoint}/{BUCKET}"), directory / "log.txt")
        yield store
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _wait(process: subprocess.Popen[bytes], request: Request, log: Path) -> None:
    """Until there is an answer; a no is one as well, for a request that nobody has signed."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(request, timeout=2):
                return
        except HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-4000:])
