"""`minibank settings`: what is in force, and the reference."""

import sys
from typing import Annotated

import typer

from minibank.cli.common import JsonFlag, for_a_bank, print_json, print_table
from minibank.settings import SETTINGS, Loaded
from minibank.settings.show import public_value, toml_reference, toml_value


@for_a_bank
def show_settings(
    loaded: Loaded,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print a commented file to begin with.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the settings in force and where each comes from, without secrets.

    Examples:

      minibank settings

      minibank settings --mode production --toml > minibank.toml
    """
    if toml:
        sys.stdout.write(toml_reference(loaded.settings))
    elif as_json:
        print_json(
            {
                name: {
                    "value": public_value(loaded.settings, name),
                    "source": loaded.sources[name],
                }
                for name in SETTINGS
            }
        )
    else:
        rows = [
            (name, toml_value(public_value(loaded.settings, name)), loaded.sources[name])
            for name in SETTINGS
        ]
        print_table(("setting", "value", "from"), rows, "")
