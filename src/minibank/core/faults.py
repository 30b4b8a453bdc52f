"""What may be said of an error that nobody expected."""

import traceback
from collections.abc import Iterator


def describe_fault(error: BaseException) -> str:
    """The types and places of an error and of those behind it, without their messages.

    A message may quote anything: a database names the row that it refuses, `int` the text that it
    could not read. So what a customer sent stays out of the log, whatever broke.
    """
    lines: list[str] = []
    for one in reversed(list(_chain(error))):
        lines += ["Traceback (most recent call last):\n", *traceback.format_tb(one.__traceback__)]
        lines.append(f"{_name(one)}\n")
        if isinstance(one, BaseExceptionGroup):
            lines += [describe_fault(inner) for inner in one.exceptions]
    return "".join(lines)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it was raised from or met with; each once."""
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        yield behind
        hidden = None if behind.__suppress_context__ else behind.__context__
        behind = behind.__cause__ or hidden


def _name(error: BaseException) -> str:
    kind = type(error)
    state = getattr(error, "sqlstate", None)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return f"{name} (SQLSTATE {state})" if state else name
