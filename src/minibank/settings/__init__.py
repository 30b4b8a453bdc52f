"""All an operator can set: one frozen object, read once from flags, environment and a file."""

from minibank.settings.about import Setting
from minibank.settings.bank import Mode
from minibank.settings.checks import require_servable, require_workable
from minibank.settings.errors import SettingsError
from minibank.settings.fields import SETTINGS, Settings, environment_name, preset
from minibank.settings.sources import Loaded, load_settings

__all__ = [
    "SETTINGS",
    "Loaded",
    "Mode",
    "Setting",
    "Settings",
    "SettingsError",
    "environment_name",
    "load_settings",
    "preset",
    "require_servable",
    "require_workable",
]
