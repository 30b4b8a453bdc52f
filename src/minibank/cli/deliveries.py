"""`minibank webhooks deliveries` and `delivery`: what a webhook was told, and every attempt to."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from minibank.cli.common import (
    JsonFlag,
    console,
    day,
    for_a_bank,
    harmless,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.cli.webhooks import Which, require_registered, require_told
from minibank.core.errors import BadParam
from minibank.core.instants import format_instant
from minibank.db import ReadTx
from minibank.settings import Loaded
from minibank.webhooks.history import store
from minibank.webhooks.history.places import LAST, find_after, find_place
from minibank.webhooks.history.store import AttemptRow, Told
from minibank.webhooks.records import DELIVERY_STATES

LIMIT, LIMIT_MAX = 50, 1000

Result = tuple[int, str]
"""The status of an answer, 0 without one, and what went wrong on the way."""


def _result(result: Result | None) -> str:
    if result is None:
        return ""
    status, error = result
    return str(status) if status else error


def _json(told: Told, last: Result | None) -> dict[str, object]:
    return {
        "id": told.id,
        "webhook_id": told.webhook_id,
        "sequence": told.sequence,
        "event": told.event,
        "subject": told.subject,
        "created": format_instant(told.created_at),
        "state": told.state,
        "attempts": told.attempts,
        "next_attempt": None if told.due_at is None else format_instant(told.due_at),
        "finished": None if told.finished_at is None else format_instant(told.finished_at),
        "last_status": last[0] if last else None,
        "last_error": last[1] if last else None,
    }


def _row(told: Told, last: Result | None) -> tuple[str, ...]:
    return (
        str(told.sequence),
        told.id,
        told.event,
        told.subject,
        told.state,
        str(told.attempts),
        "" if told.due_at is None else day(told.due_at),
        _result(last),
    )


_HEADINGS = (
    *("number", "id", "event", "subject", "state", "attempts", "next attempt", "last result"),
)


@for_a_bank
def list_deliveries(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    webhook: Which,
    state: Annotated[
        str | None, typer.Option("--state", help="pending, delivered, failed or cancelled.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="NUMBER|INSTANT",
            help="After this number or delivery id, or from an instant on.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before", metavar="NUMBER|INSTANT", help="Before this number, delivery id or instant."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=LIMIT_MAX, help="How many to list at most.")
    ] = LIMIT,
    as_json: JsonFlag = False,
) -> None:
    """List what a webhook is and was told, the newest first.

    Walk back with --before set to the last number of the list.

    Examples:

      minibank webhooks deliveries webhook_0000... --state failed

      minibank webhooks deliveries webhook_0000... --since 2026-03-10
    """
    chosen = next((one for one in DELIVERY_STATES if one == state), None)
    if chosen is None and state is not None:
        raise BadParam("state", f"must be among {', '.join(DELIVERY_STATES)}")

    async def work(tx: ReadTx) -> list[tuple[Told, Result | None]]:
        found = (await require_registered(tx, webhook)).webhook
        after = await find_after(tx, found, "since", since)
        until = await find_place(tx, found, "before", before or str(LAST))
        told = await store.list_told(tx, found, after, until, limit, chosen)
        last = await store.list_last_results(tx, found, [one.sequence for one in told])
        return [(one, last.get(one.sequence)) for one in told]

    found = in_books(loaded, lambda db: db.snapshot(work))
    rows = [_row(*one) for one in found]
    print_listing(_HEADINGS, rows, [_json(*one) for one in found], limit, as_json=as_json)


@for_a_bank
def show_delivery(
    loaded: Loaded,
    webhook: Which,
    delivery: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="The id or number of a delivery.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show one delivery: what is sent each time, and what came of every attempt.

    Examples:

      minibank webhooks delivery webhook_0000... 17
    """

    async def work(tx: ReadTx) -> tuple[Told, list[AttemptRow]]:
        found = (await require_registered(tx, webhook)).webhook
        told = await require_told(tx, found, delivery)
        return told, await store.list_attempts(tx, found, told.sequence)

    told, attempts = in_books(loaded, lambda db: db.snapshot(work))
    last = (attempts[-1].status, attempts[-1].error) if attempts else None
    if as_json:
        payload = msgspec.Raw(told.payload or b"null")
        shown = [_attempt_json(one) for one in attempts]
        print_json({**_json(told, last), "payload": payload, "attempts": shown})
        return
    print_facts(_facts(told, last))
    _print_lines("What is sent", _payload_lines(told))
    for attempt in attempts:
        _print_lines(_attempt_heading(attempt), _attempt_lines(attempt))


def _facts(told: Told, last: Result | None) -> dict[str, str]:
    facts = {**_cells(told, last), "created": day(told.created_at)}
    if told.finished_at is not None:
        facts["finished"] = day(told.finished_at)
    return {name: value for name, value in facts.items() if value}


def _cells(told: Told, last: Result | None) -> dict[str, str]:
    """The cells of a delivery by their headings."""
    return dict(zip(_HEADINGS, _row(told, last), strict=True))


def _payload_lines(told: Told) -> list[str]:
    if not told.payload:
        return ["(forgotten: its person was erased)"]
    return msgspec.json.format(told.payload, indent=2).decode().split("\n")


def _headers(text: str) -> list[list[str]]:
    return msgspec.json.decode(text, type=list[list[str]])


def _body(row: AttemptRow) -> str:
    return row.excerpt.decode("utf-8", "replace")


def _attempt_json(row: AttemptRow) -> dict[str, object]:
    return {
        "attempt": row.attempt,
        "at": format_instant(row.attempted_at),
        "milliseconds": row.microseconds // 1000,
        "request_headers": _headers(row.request_headers),
        "status": row.status,
        "response_headers": _headers(row.response_headers),
        "response_body": _body(row),
        "error": row.error,
    }


def _attempt_heading(row: AttemptRow) -> str:
    result = f"answered {row.status}" if row.status else row.error
    when = day(row.attempted_at)
    return f"Attempt {row.attempt} at {when}: {result} in {row.microseconds // 1000} ms"


def _attempt_lines(row: AttemptRow) -> Iterator[str]:
    yield from (f"> {name}: {value}" for name, value in _headers(row.request_headers))
    yield from (f"< {name}: {value}" for name, value in _headers(row.response_headers))
    yield from _body(row).splitlines()


def _print_lines(heading: str, lines: Iterator[str] | list[str]) -> None:
    out = console()
    out.print()
    out.print(heading, style="bold", soft_wrap=True)
    for line in lines:
        out.print(f"  {harmless(line)}", soft_wrap=True)
