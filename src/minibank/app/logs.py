"""Log lines on standard error: for people in a sandbox, JSON in production."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from minibank.settings import Settings


def _short(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """A request in a few words: what a developer wants to see go by."""
    line["timestamp"] = str(line.get("timestamp", ""))[11:19]
    if line["event"] == "request":
        words = (line["method"], line["path"], line["status"], line["code"] or "")
        milliseconds = round(line["milliseconds"])
        line = {
            "timestamp": line["timestamp"],
            "level": line["level"],
            "event": f"{' '.join(str(word) for word in words).strip()} in {milliseconds} ms",
        }
    return line


def configure_logs(settings: Settings) -> None:
    """Send our log lines, and those of the libraries, to standard error in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_terminal = sys.stderr.isatty()
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.mode == "production"
        else [
            _short,
            structlog.dev.ConsoleRenderer(
                colors=is_terminal,
                pad_event_to=0,
                pad_level=False,
                # The default shows the local variables of each frame, and tokens are among them.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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
