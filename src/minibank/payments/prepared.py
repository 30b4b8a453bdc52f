"""A command made ready for the queue: checked for what no row can hold, measured and digested."""

import hashlib

import msgspec

from minibank.core.errors import BadParam, BadRequest, NotFound
from minibank.core.ids import shard_of
from minibank.core.wire import holds_nul
from minibank.payments.commands import Command

COMMAND_BYTES_MAX = 64 * 1024
"""The largest canonical form a command may have."""

NAME_MAX = 255
"""How long a command's id and its issuer may be: both are part of a key."""

_CANONICAL = msgspec.json.Encoder(order="sorted")


class Prepared(msgspec.Struct, frozen=True):
    """A command with the digest of its canonical form and that form's size in bytes."""

    command: Command
    digest: bytes
    size: int


def prepare(command: Command) -> Prepared:
    """Make a command ready; `BadRequest` when no row could hold it, `NotFound` for no account.

    The canonical form is JSON with sorted keys; equal digests mean equal content.
    """
    if shard_of(command.account_id) is None:
        raise NotFound("account", "There is no such account")
    for name in ("id", "issuer"):
        if not 0 < len(getattr(command, name)) <= NAME_MAX:
            raise BadParam(name, f"must have 1 to {NAME_MAX} characters")
    try:
        form = _CANONICAL.encode(command)
    except ValueError as error:  # a lone surrogate, or a number too long to write down
        raise _unstorable() from error
    if len(form) > COMMAND_BYTES_MAX:
        raise BadParam("command", f"is larger than {COMMAND_BYTES_MAX} bytes")
    if holds_nul(form):
        raise _unstorable()
    return Prepared(command, hashlib.sha256(form).digest(), len(form))


def _unstorable() -> BadRequest:
    return BadRequest("bad_request.bad_command", "The command holds a value that cannot be stored")
