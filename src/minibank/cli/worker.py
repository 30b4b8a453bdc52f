"""`minibank worker`: a process that works for a bank and serves nobody."""

import asyncio
from typing import Annotated

import typer
import uvloop

from minibank.app.logs import configure_logs
from minibank.app.working import work_for_bank
from minibank.cli.common import errors_console, for_a_bank
from minibank.settings import Loaded, Settings, require_workable
from minibank.settings.show import mask_url


@for_a_bank
def work(
    loaded: Loaded,
    log_level: Annotated[
        str | None,
        typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
    ] = None,
) -> None:
    """Call webhooks, do due work and audit the books until Ctrl-C or SIGTERM.

    `minibank serve` does all of this too. Run workers where that is not enough, or
    where what faces customers must call nobody (webhooks_sent_by_serve). Any number
    may run, on as many machines: what one has claimed the others leave alone, and
    what one that died had claimed they take over.

    Examples:

      minibank worker

      minibank worker --mode production --database postgresql://bank@db.internal/bank
    """
    require_workable(loaded)
    configure_logs(loaded.settings)
    run_worker(loaded.settings)


def run_worker(settings: Settings) -> None:
    """Work, and say so once that has begun."""

    def say() -> None:
        errors_console().print(
            f"minibank: works for the {settings.mode} bank in {mask_url(settings.database)};"
            " Ctrl-C stops it",
            soft_wrap=True,
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work_for_bank(settings, say))
