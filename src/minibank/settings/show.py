"""Settings as text: the TOML reference file, the page of the documentation, and without secrets."""

import json
import re
from collections.abc import Iterator
from itertools import groupby

from minibank.settings.about import Setting
from minibank.settings.bank import MODES
from minibank.settings.fields import SETTINGS, Settings, environment_name
from minibank.settings.kinds import Value

_PASSWORD_QUERY = re.compile(r"(?<=password=)[^&]*", re.IGNORECASE)


_INTRODUCTION = """\
# Settings

A setting is looked for in this order: a flag, the environment, a TOML file (`--config`, or
`MINIBANK_CONFIG`, or `minibank.toml` in the present directory), the preset that `mode` names.
`serve`, `demo` and `settings` take any of them as `--set name=value`. Lists are separated by
commas in flags and in the environment. Names end with their unit. An unknown name or a value
that is not allowed stops the start.

`minibank settings` prints what is in force and where it comes from; `minibank settings --toml`
prints a commented file to begin with.

This page is generated from the code: `minibank reference settings`."""


def mask_url(url: str) -> str:
    """A database URL without its password."""
    start, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:***"
    path = _PASSWORD_QUERY.sub("***", path)
    return f"{start}{separator}{user}{at}{host}{slash}{path}"


def public_value(settings: Settings, name: str) -> Value:
    """A setting's value, its secrets masked."""
    value: Value = getattr(settings, name)
    if not SETTINGS[name].is_secret or not isinstance(value, str):
        return value
    # Of the place of a database only the password is secret; of other secrets everything is.
    return mask_url(value) if name == "database" else "***" * bool(value)


def toml_value(value: Value) -> str:
    """A value as TOML writes it; JSON's strings, numbers and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def toml_reference(settings: Settings) -> str:
    """The commented file of all settings, with these values, their secrets masked."""
    lines = [
        "# All settings of minibank. A flag or an environment variable wins over this file.",
        "# A line that begins with # is a default of the preset.",
    ]
    for section, names in _sections():
        lines += ["", f"# --- {section} ---"]
        for name in names:
            lines += ["", *_wrapped(SETTINGS[name].meaning), *_details(name)]
            changed = getattr(settings, name) != SETTINGS[name].preset(settings.mode)
            mark = "" if changed or name == "mode" else "# "
            value = public_value(settings, name)
            if SETTINGS[name].only_in_environment:
                mark, value = "# ", ""
            lines.append(f"{mark}{name} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def markdown_reference() -> str:
    """The page docs/reference/settings.md."""
    lines = [_INTRODUCTION]
    for section, names in _sections():
        lines += ["", f"## {section}"]
        for name in names:
            about = SETTINGS[name]
            lines += ["", f"### `{name}`", "", about.meaning, ""]
            only = ", and nowhere else" * about.only_in_environment
            lines.append(f"* environment: `{environment_name(name)}`{only}")
            lines.append(f"* allowed: {about.kind.allowed}")
            lines.append(f"* default: {_markdown_default(about)}")
    return "\n".join(lines) + "\n"


def _sections() -> Iterator[tuple[str, list[str]]]:
    for section, names in groupby(SETTINGS, lambda name: SETTINGS[name].section):
        yield section, list(names)


def _details(name: str) -> list[str]:
    about = SETTINGS[name]
    lines = [f"# allowed: {about.kind.allowed}"]
    if about.only_in_environment:
        lines = [f"# only in the environment, as {environment_name(name)}"]
    if about.sandbox != about.production:
        each = ", ".join(f"{mode} {toml_value(about.preset(mode))}" for mode in MODES)
        lines.append(f"# default: {each}")
    return lines


def _markdown_default(about: Setting) -> str:
    if about.sandbox == about.production:
        return f"`{toml_value(about.sandbox)}`"
    return ", ".join(f"`{toml_value(about.preset(mode))}` in {mode}" for mode in MODES)


def _wrapped(text: str, width: int = 98) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]
