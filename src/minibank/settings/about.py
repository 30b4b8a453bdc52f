"""What is known about one setting, and the dataclass field that carries it."""

from dataclasses import dataclass, field
from typing import Any

from minibank.settings.kinds import Kind, Value

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about one setting."""

    section: str
    kind: Kind
    meaning: str
    sandbox: Value
    production: Value
    is_secret: bool = False

    def preset(self, mode: str) -> Value:
        """The default in this preset."""
        return self.production if mode == "production" else self.sandbox


_SAME: Any = object()


def setting(
    section: str, kind: Kind, meaning: str, default: Value, *, production: Value = _SAME
) -> Any:  # noqa: ANN401 - as dataclasses.field itself
    """A dataclass field: its default is the sandbox's, and its metadata is the documentation."""
    production = default if production is _SAME else production
    about = Setting(section, kind, meaning, default, production, is_secret=section == "Database")
    return field(default=default, metadata={"setting": about})
