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
    only_in_environment: bool = False
    """Neither on a command line, which others can see, nor in a file of other settings."""

    def preset(self, mode: str) -> Value:
        """The default in this preset."""
        return self.production if mode == "production" else self.sandbox


_SAME: Any = object()


def setting(
    section: str, kind: Kind, meaning: str, default: Value, *, production: Value = _SAME
) -> Any:  # noqa: ANN401 - as dataclasses.field itself
    """A dataclass field: its default is the sandbox's, and its metadata is the documentation."""
    production = default if production is _SAME else production
    return _field(Setting(section, kind, meaning, default, production))


def secret(
    section: str, kind: Kind, meaning: str, default: Value, *, only_in_environment: bool = False
) -> Any:  # noqa: ANN401 - as dataclasses.field itself
    """The same for a setting that is a secret or holds one: it is shown masked."""
    about = Setting(
        *(section, kind, meaning, default, default),
        is_secret=True,
        only_in_environment=only_in_environment,
    )
    return _field(about)


def _field(about: Setting) -> Any:  # noqa: ANN401
    return field(default=about.sandbox, repr=not about.is_secret, metadata={"setting": about})
