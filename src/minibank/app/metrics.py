"""All that a bank counts: the classes of its parts, put together."""

import os
import platform
import resource
from dataclasses import dataclass, field, fields
from pathlib import Path

from minibank import __version__
from minibank.api.metrics import HttpMetrics
from minibank.core.clock import MICROSECONDS, SystemClock
from minibank.db.metrics import DatabaseMetrics
from minibank.files.metrics import FileMetrics
from minibank.metrics.instruments import (
    Alert,
    AnyInstrument,
    Counter,
    Gauge,
    instrument,
    instruments_of,
)
from minibank.oauth.metrics import TokenMetrics
from minibank.payments.metrics import EngineMetrics
from minibank.webhooks.delivering.metrics import DeliveryMetrics
from minibank.worker.metrics import AuditMetrics, DueMetrics

_PROC = Path("/proc/self")


@dataclass(frozen=True)
class ProcessMetrics:
    """What a process takes of the machine, under the names that all client libraries use."""

    build: Gauge = instrument(
        Gauge,
        "minibank_build_info",
        "Always 1: the version of the bank and of Python.",
        ("version", "python"),
        together="max",
    )
    running: Gauge = instrument(
        Gauge,
        "minibank_processes_running",
        "Processes that serve.",
        alerts=[
            Alert(
                "MinibankProcessesMissing",
                "minibank_processes_running < minibank_processes_wanted",
                "A server process is missing: the log says why it ended.",
                severity="page",
            )
        ],
    )
    started_at: Gauge = instrument(
        Gauge,
        "process_start_time_seconds",
        "When the oldest process started, in seconds since 1970.",
        together="min",
    )
    cpu: Counter = instrument(
        Counter,
        "process_cpu_seconds_total",
        "Processor time of all processes, those that ended too.",
    )
    memory: Gauge = instrument(
        Gauge, "process_resident_memory_bytes", "Resident memory of all processes."
    )
    files: Gauge = instrument(
        Gauge,
        "process_open_fds",
        "Open files and sockets of the process that has most.",
        together="max",
        alerts=[
            Alert(
                "MinibankFilesShort",
                "process_open_fds > 0.8 * process_max_fds and on (instance, job)"
                " minibank_build_info",
                "A process is about to run out of file descriptors: raise LimitNOFILE.",
            )
        ],
    )
    files_max: Gauge = instrument(
        Gauge, "process_max_fds", "Files and sockets that a process may have open.", together="min"
    )

    def follow(self) -> None:
        """Speak of this process from now on."""
        self.build.set(1, __version__, platform.python_version())
        self.running.set(1)
        self.started_at.set(SystemClock().now() / MICROSECONDS)
        self.cpu.follow(_cpu_seconds)
        self.files_max.follow(lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if _PROC.exists():  # not on macOS
            self.memory.follow(_resident_bytes)
            self.files.follow(lambda: len(os.listdir(_PROC / "fd")))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident_bytes() -> int:
    pages = (_PROC / "statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@dataclass(frozen=True)
class SupervisorMetrics:
    """What the process knows that looks after the others; with one process it is that one."""

    wanted: Gauge = instrument(
        Gauge, "minibank_processes_wanted", "Processes that should serve: `workers`."
    )
    ended: Counter = instrument(
        Counter,
        "minibank_processes_ended_total",
        "Processes that ended without being asked to, and were started again.",
        alerts=[
            Alert(
                "MinibankProcessesEnd",
                "increase(minibank_processes_ended_total[15m]) > 0",
                "A server process died: the log says with which status.",
                minutes=0,
            )
        ],
    )
    silent_seconds: Gauge = instrument(
        Gauge,
        "minibank_processes_silent_seconds",
        "How long ago the most silent of several processes last reported what it counted.",
        alerts=[
            Alert(
                "MinibankProcessHangs",
                "minibank_processes_silent_seconds > 30",
                "A process runs and does not report: it hangs, or has no processor time.",
                minutes=1,
                severity="page",
            )
        ],
    )


@dataclass(frozen=True, slots=True)
class BankMetrics:
    """What one process that serves counts.

    A part of the bank that counts something has its place here, and `open_bank` hands it its
    instruments.
    """

    http: HttpMetrics = field(default_factory=HttpMetrics)
    engine: EngineMetrics = field(default_factory=EngineMetrics)
    due: DueMetrics = field(default_factory=DueMetrics)
    audit: AuditMetrics = field(default_factory=AuditMetrics)
    database: DatabaseMetrics = field(default_factory=DatabaseMetrics)
    tokens: TokenMetrics = field(default_factory=TokenMetrics)
    files: FileMetrics = field(default_factory=FileMetrics)
    deliveries: DeliveryMetrics = field(default_factory=DeliveryMetrics)
    process: ProcessMetrics = field(default_factory=ProcessMetrics)

    def instruments(self) -> list[AnyInstrument]:
        """All of them."""
        return list(instruments_of(*(getattr(self, one.name) for one in fields(self))))
