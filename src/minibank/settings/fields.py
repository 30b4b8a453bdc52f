"""Every setting there is: its meaning, unit, default in each preset and what is allowed.

The settings of one subject are one module; this one puts them together. Flags, environment names,
the TOML file, `minibank settings` and docs/reference/settings.md all follow from here.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, cast

from minibank.settings.about import Setting
from minibank.settings.bank import BankSettings, Mode
from minibank.settings.files import FileSettings
from minibank.settings.identity import IdentitySettings
from minibank.settings.limits import LimitSettings
from minibank.settings.server import ServerSettings
from minibank.settings.webhooks import WebhookSettings


# The last class named gives the first section of the documentation.
@dataclass(frozen=True, kw_only=True)
class Settings(
    WebhookSettings, FileSettings, IdentitySettings, LimitSettings, ServerSettings, BankSettings
):
    """All an operator can set, frozen; without arguments it is the sandbox preset."""


SETTINGS: dict[str, Setting] = {
    each.name: cast(Setting, each.metadata["setting"]) for each in fields(Settings)
}
"""What is known about each setting, by name, in the order of the documentation."""


def environment_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"MINIBANK_{name.upper()}"


def preset(mode: Mode, **changes: Any) -> Settings:  # noqa: ANN401 - the fields differ
    """The settings of a preset, with these changes."""
    defaults: dict[str, Any] = {name: about.preset(mode) for name, about in SETTINGS.items()}
    return replace(Settings(**defaults), **changes)
