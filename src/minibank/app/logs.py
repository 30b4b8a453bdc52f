"""Log lines on standard error: for people in a sandbox, JSON in production."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

import msgspec
import structlog
from structlog.typing import (
    EventDict,
    ExcInfo,
    FilteringBoundLogger,
    Processor,
    ProcessorReturnValue,
    WrappedLogger,
)

from minibank.core.clock import SystemClock
from minibank.core.faults import describe_fault
from minibank.core.instants import format_instant, to_datetime
from minibank.settings import Settings

_CLOCK = SystemClock()


REQUEST = "request"
"""The event of a request: of all lines nearly all are one's."""


def _for_people(console: Processor) -> Processor:
    """A request in a few words, for a developer to see go by; the rest as `console` has it."""

    def render(logger: WrappedLogger, method: str, line: EventDict) -> ProcessorReturnValue:
        line["timestamp"] = timestamp = line["timestamp"][11:19]
        if line["event"] == REQUEST:
            line = {"timestamp": timestamp, "level": line["level"], "event": _words(line)}
        return console(logger, method, line)

    return render


def _words(line: EventDict) -> str:
    code = f" {line['code']}" if line["code"] else ""
    took = f"in {round(line['milliseconds'])} ms"
    return f"{line['method']} {line['path']} {line['status']}{code} {took}"


def _request_for_people(line: EventDict) -> str:
    """The line of a request as `_for_people` has it, without colours."""
    return f"{format_instant(_CLOCK.now())[11:19]} [info] {_words(line)}"


def _request_as_json(line: EventDict) -> str:
    """The line of a request for machines."""
    moment = to_datetime(_CLOCK.now()).isoformat().replace("+00:00", "Z")
    return _as_json({**line, "event": REQUEST, "level": "info", "timestamp": moment})


def _bound_logger(
    level: int, write_request: Callable[[EventDict], str] | None
) -> type[FilteringBoundLogger]:
    """The class of loggers that writes from this level on, and a request's line by a short way.

    What a line goes through otherwise takes a third as long as the bank over a short answer.
    """
    usual = structlog.make_filtering_bound_logger(level)
    if write_request is None or level > logging.INFO:
        return usual

    def info(self: Any, event: str, *args: Any, **line: Any) -> Any:  # noqa: ANN401
        if event == REQUEST and not self._context:
            return self._logger.info(write_request(line))
        return usual.info(self, event, *args, **line)

    return type("BoundLogger", (usual,), {"info": info})


def _as_json(line: EventDict, **_options: object) -> str:
    """A line for machines."""
    try:
        return msgspec.json.encode(line).decode()
    except (TypeError, ValueError):  # a value that is no JSON, a text that is not Unicode
        return json.dumps(line, default=repr)


class LossyStream:
    """A stream for what people may read: what it cannot take is lost, and nobody is told.

    A bank whose log is on a full disk, or whose reader is gone, must go on serving.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write it if that can be done; the number of characters taken."""
        # Entering `suppress` would take as long as this.
        try:  # noqa: SIM105
            self._stream.write(text)
        except (OSError, ValueError):
            pass
        return len(text)

    def flush(self) -> None:
        """Hand it on if that can be done."""
        try:  # noqa: SIM105
            self._stream.flush()
        except (OSError, ValueError):
            pass


def lossy_stderr() -> TextIO:
    """Standard error, where a line that cannot be written is lost."""
    return cast(TextIO, LossyStream(sys.stderr))


def _fault(exc_info: ExcInfo) -> str:
    return describe_fault(exc_info[1]).rstrip()


def configure_logs(settings: Settings) -> None:
    """Send our log lines, and those of the libraries, to standard error in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Other ways to show an error print its message and local variables: tokens are among them.
        structlog.processors.ExceptionRenderer(_fault),
    ]
    stream = lossy_stderr()
    colours = stream.isatty()
    console = structlog.dev.ConsoleRenderer(
        colors=colours,
        pad_event_to=0,
        pad_level=False,
        exception_formatter=structlog.dev.plain_traceback,
    )
    renderer: list[Processor]
    if settings.mode == "production":
        renderer = [structlog.processors.JSONRenderer(_as_json)]
        logger = _bound_logger(level, _request_as_json)
    else:
        renderer = [_for_people(console)]
        logger = _bound_logger(level, None if colours else _request_for_people)
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=logger,
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # The server says at its info level what the command line says already.
    root.setLevel(max(level, logging.WARNING))
