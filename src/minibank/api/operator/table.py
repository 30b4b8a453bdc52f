"""Lines of the operator API's table: who may use an endpoint is said once, by its operation."""

from dataclasses import replace

from minibank.api.catalogue import KEY_REUSED
from minibank.api.operation import Operation
from minibank.api.operator.endpoint import (
    Checker,
    DryRun,
    Preparer,
    Reader,
    Shower,
    Writer,
    reading,
    writing,
)
from minibank.api.routing import Route

PREFIX = "/operator/v1"


def reads(path: str, resource: Reader, operation: Operation) -> Route:
    """An endpoint that changes nothing."""
    return Route("GET", PREFIX + path, reading(resource, *operation.scopes), operation)


def writes(  # noqa: PLR0913 - the first five are the line, the rest is rarely said
    method: str,
    path: str,
    write: Writer,
    show: Shower,
    operation: Operation,
    *,
    prepare: Preparer | None = None,
    check: Checker | None = None,
) -> Route:
    """An endpoint that changes something, with what all of these have in common in the reference:
    the `Idempotency-Key`, which may have been used before, and the dry run."""
    run = writing(write, show, *operation.scopes, prepare=prepare, check=check)
    refuses = (*operation.refuses, KEY_REUSED)
    whole = replace(operation, takes=DryRun, named=True, refuses=refuses)
    return Route(method, PREFIX + path, run, whole, body="bytes")
