"""`minibank operator`: what those who run the bank do."""

import typer

from minibank.cli import operator_keys

app = typer.Typer(
    help="For those who run the bank: the keys of the operator API.", no_args_is_help=True
)
app.add_typer(operator_keys.app, name="key")
