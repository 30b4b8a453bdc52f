"""`minibank serve`: run the server on a bank of one's own."""

import asyncio
from typing import Annotated

import typer
import uvloop

from minibank.app.dev_files import dev_files
from minibank.app.logs import configure_logs
from minibank.app.server import local_url
from minibank.app.serving import serve_bank
from minibank.cli.common import errors_console, for_a_bank
from minibank.cli.trust import how_to_trust
from minibank.settings import Loaded, Settings, require_servable
from minibank.settings.show import mask_url

HostFlag = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
]
PortFlag = Annotated[
    str | None,
    typer.Option("--port", metavar="NUMBER", help="Port to listen on; 0 takes a free one."),
]
TlsFlag = Annotated[
    str | None,
    typer.Option(
        "--tls", metavar="KIND", help="dev makes throw-away certificates and speaks HTTPS."
    ),
]


@for_a_bank
def serve(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    host: HostFlag = None,
    port: PortFlag = None,
    workers: Annotated[
        str | None,
        typer.Option("--workers", metavar="NUMBER", help="Server processes; PostgreSQL only."),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", metavar="URL", help="The address that clients use."),
    ] = None,
    tls: TlsFlag = None,
    tls_cert: Annotated[
        str | None,
        typer.Option("--tls-cert", metavar="FILE", help="Certificate chain, in PEM form."),
    ] = None,
    tls_key: Annotated[
        str | None,
        typer.Option("--tls-key", metavar="FILE", help="Its private key, in PEM form."),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
    ] = None,
) -> None:
    """Serve a bank until Ctrl-C or SIGTERM.

    A sandbox bank is created when there is none, a production bank by `minibank migrate`.

    Examples:

      minibank serve

      minibank serve --tls dev

      minibank serve --database postgresql://bank@localhost/bank --workers 4
    """
    require_servable(loaded)
    configure_logs(loaded.settings)
    run_server(loaded.settings)


def run_server(settings: Settings) -> None:
    """Serve, and say where once the server answers."""

    async def say(running: Settings) -> None:
        processes = f", {running.workers} processes" if running.workers > 1 else ""
        errors_console().print(
            f"minibank: a {running.mode} bank answers at {local_url(running)}"
            f" (database {mask_url(running.database)}{processes}); Ctrl-C stops it",
            soft_wrap=True,
        )
        if running.tls == "dev":
            errors_console().print(how_to_trust(dev_files(running).ca), soft_wrap=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_bank(settings, say))
