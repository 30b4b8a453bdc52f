"""What clients remember: what they sent, what they were answered, what they never heard of."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from minibank.payments.commands import Command, Outcome

Key = tuple[str, str, str]
"""The account, the issuer and the id of a command."""

NOT_NOW = ("rate_limited", "timeout")
"""How codes begin that say nothing about the command."""


class Broken(AssertionError):
    """The bank broke its word."""


def key_of(command: Command) -> Key:
    """What a command is known by."""
    return command.account_id, command.issuer, command.id


@dataclass(slots=True)
class Entry:
    """One command and its story.

    `outcome` is what was answered; `refusals` are the codes of clear noes, after which nothing
    has happened; `unclear` counts how often it was sent and nobody can say what became of it.
    """

    command: Command
    outcome: Outcome | None = None
    refusals: list[str] = field(default_factory=list)
    unclear: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it may have been executed without an answer."""
        return self.outcome is None and self.unclear > 0

    def answered(self, outcome: Outcome) -> None:
        """Note an answer, which must be the one that was given before."""
        if self.outcome not in (None, outcome):
            raise Broken(f"{self.command}: answered {self.outcome}, then {outcome}")
        self.outcome = outcome

    def refused(self, code: str) -> None:
        """Note a clear no, which comes after a yes only when it says: not now."""
        if self.outcome is not None and not code.startswith(NOT_NOW):
            raise Broken(f"{self.command}: answered {self.outcome}, then refused: {code}")
        self.refusals.append(code)


class Journal:
    """All commands of one round."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}

    def entry(self, command: Command) -> Entry:
        """The command's entry, made at its first mention."""
        return self.entries.setdefault(key_of(command), Entry(command))

    @property
    def answered(self) -> list[Entry]:
        """Those that have an answer."""
        return [one for one in self.entries.values() if one.outcome is not None]

    @property
    def open(self) -> list[Entry]:
        """Those of which nobody can say whether they were executed."""
        return [one for one in self.entries.values() if one.is_open]

    def write(self, path: Path) -> None:
        """Leave it in a file, a line for each command."""
        with path.open("w") as lines:
            for one in self.entries.values():
                story = {
                    "command": msgspec.to_builtins(one.command),
                    "outcome": msgspec.to_builtins(one.outcome),
                    "refusals": one.refusals,
                    "unclear": one.unclear,
                }
                lines.write(f"{json.dumps(story)}\n")
