"""Where settings come from: flags, then the environment, then a TOML file, then the preset."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from minibank.settings.errors import SettingsError
from minibank.settings.fields import SETTINGS, Settings, environment_name
from minibank.settings.kinds import Value

CONFIG_VARIABLE = "MINIBANK_CONFIG"
DEFAULT_FILE = "minibank.toml"
PASSWORD_VARIABLE = "MINIBANK_PASSWORD"  # noqa: S105 - the name of a variable, not a password
"""Where `minibank user` looks for a password; no setting, but ours."""

OPERATOR_VARIABLES = ("MINIBANK_OPERATOR_KEY", "MINIBANK_OPERATOR_URL")
"""Where `minibank operator` looks for its key and for the bank that it asks."""

_PREFIX = "MINIBANK_"
_NOT_SETTINGS = {CONFIG_VARIABLE, PASSWORD_VARIABLE, *OPERATOR_VARIABLES}
_OF_TESTS = "MINIBANK_TEST_"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each where it came from (`--port`, a variable, a file, a preset)."""

    settings: Settings
    sources: Mapping[str, str]

    def is_named_by_hand(self, name: str) -> bool:
        """Whether a flag or the environment, and not just a file or preset, says this setting."""
        source = self.sources[name]
        return source.startswith("--") or source == environment_name(name)


@dataclass(frozen=True, slots=True)
class _Given:
    value: Value
    source: str


def load_settings(
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    config: Path | None = None,
    directory: Path | None = None,
) -> Loaded:
    """Read the settings from everywhere.

    `flags` are texts by setting name (None: not given). The file is `config`, or the one that
    `MINIBANK_CONFIG` names, or `minibank.toml` in `directory` if there is one (None: do not look).
    Raises `SettingsError` with one sentence for an unknown name, a value that is not allowed, or
    a file that cannot be read.
    """
    file = _find_file(config, environment, directory)
    given = {
        **(_from_file(file) if file else {}),
        **_from_environment(environment),
        **_from_flags(flags),
    }
    mode = str(given["mode"].value) if "mode" in given else "sandbox"
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, about in SETTINGS.items():
        found = given.get(name) or _Given(about.preset(mode), f"preset {mode}")
        values[name], sources[name] = found.value, found.source
    return Loaded(Settings(**values), sources)


def _find_file(
    config: Path | None, environment: Mapping[str, str], directory: Path | None
) -> Path | None:
    variable = environment.get(CONFIG_VARIABLE)
    named = config or (Path(variable) if variable else None)
    if named:
        if not named.is_file():
            by = "--config" if config else CONFIG_VARIABLE
            raise SettingsError(f"{by} names {named}, and there is no such file")
        return named
    found = directory / DEFAULT_FILE if directory else None
    return found if found and found.is_file() else None


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    found = {}
    for name, value in content.items():
        about = SETTINGS.get(name)
        if about is None:
            raise SettingsError(f"{path} has the unknown key {name}{_suggest(name)}")
        if about.only_in_environment and value != "":
            raise SettingsError(_only_in_environment(name, f"in {path}"))
        try:
            found[name] = _Given(about.kind.from_toml(value), str(path))
        except ValueError:
            raise SettingsError(_not_allowed(name, f"in {path}", value)) from None
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX) or variable in _NOT_SETTINGS:
            continue
        if variable.startswith(_OF_TESTS):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        about = SETTINGS.get(name)
        if about is None or variable != environment_name(name):
            raise SettingsError(
                f"the environment has the unknown name {variable}{_suggest(name, _PREFIX)}"
            )
        try:
            found[name] = _Given(about.kind.from_text(text), variable)
        except ValueError:
            raise SettingsError(_not_allowed(name, f"from {variable}", text)) from None
    return found


def _from_flags(flags: Mapping[str, str | None]) -> dict[str, _Given]:
    found = {}
    for name, text in flags.items():
        if text is None:
            continue
        about = SETTINGS.get(name)
        if about is None:
            raise SettingsError(f"--set names the unknown setting {name}{_suggest(name)}")
        if about.only_in_environment:
            raise SettingsError(_only_in_environment(name, "on a command line"))
        flag = f"--{name.replace('_', '-')}"
        try:
            found[name] = _Given(about.kind.from_text(text), flag)
        except ValueError:
            raise SettingsError(_not_allowed(name, f"from {flag}", text)) from None
    return found


def _only_in_environment(name: str, place: str) -> str:
    return f"{name}: a secret {place} is seen by others, set {environment_name(name)} instead"


def _not_allowed(name: str, place: str, value: object) -> str:
    # What stands there may be a database password with a typo around it.
    shown = "the value" if SETTINGS[name].is_secret else _shown(value)
    return f"{name}: {shown} {place} is not allowed, use {SETTINGS[name].kind.allowed}"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str) else repr(value)
    return repr(text[:60]) if isinstance(value, str) else text[:60]


def _suggest(name: str, prefix: str = "") -> str:
    near = get_close_matches(name.lower(), SETTINGS, n=1)
    if near:
        written = f"{prefix}{near[0].upper()}" if prefix else near[0]
        return f": did you mean {written}?"
    return ": `minibank settings --toml` lists what there is"
