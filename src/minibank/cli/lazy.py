"""Commands that are imported when they are asked for: none pays for the start of another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer
import typer.main
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, or a group of them, as `module:name` below `minibank.cli`.

    `more` has commands of the group that other modules hold; `panel` is its place in the help.
    """

    place: str
    panel: str | None = None
    more: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    hidden: bool = False


class Commands(Mapping[str, Any]):
    """The commands of a group by name, in the order of their entries; each loaded once."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._loaded: dict[str, Any] = {}

    @override
    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._entries[name])
        return self._loaded[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    @override
    def __len__(self) -> int:
        return len(self._entries)


def lazy_group(app: typer.Typer, entries: Mapping[str, Entry]) -> Any:  # noqa: ANN401
    """The command that `app` describes, whose own commands are found where the entries say."""
    group: Any = typer.main.get_group(app)
    group.commands = Commands(entries)
    group.params.extend(typer.main.get_install_completion_arguments())
    return group


def _load(name: str, entry: Entry) -> Any:  # noqa: ANN401
    found = _find(entry.place)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
        command.name = name
        command.commands |= {one: _command(one, _find(place)) for one, place in entry.more.items()}
    else:
        command = _command(name, found)
    command.rich_help_panel = entry.panel
    command.hidden = entry.hidden
    return command


def _command(name: str, function: Any) -> Any:  # noqa: ANN401
    alone = typer.Typer(add_completion=False)
    alone.command(name)(function)
    return typer.main.get_command(alone)


def _find(place: str) -> Any:  # noqa: ANN401
    module, _, name = place.partition(":")
    return getattr(import_module(f"minibank.cli.{module}"), name)
