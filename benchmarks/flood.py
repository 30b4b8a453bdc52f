"""What a quiet client feels while another one sends all that it can."""

import time

from benchmarks.contenders import gets, targets_of
from benchmarks.plan import Plan
from benchmarks.world import Filled
from benchmarks.wrk import Load, Said, Wrk, finish

SECONDS_MIN = 2
MARGIN_SECONDS = 1
"""The flood begins before what is measured, and ends after it."""


def quiet_p99_in_flood(wrk: Wrk, url: str, world: Filled, plan: Plan) -> tuple[float, float]:
    """The quiet client's p99 alone and in the flood of another client, in milliseconds.

    The quiet client asks who it is, one request at a time; the flood asks for pages of 100.
    """
    quiet = Load(url, gets(targets_of("whoami", [world.quiet])), 1, 1)
    flood = Load(url, gets(targets_of("list100", world.readers[:1])), plan.connections, 1)
    # Answers in the flood are few: they need some time for a percentile to mean anything.
    seconds = max(plan.seconds, SECONDS_MIN)
    alone = _p99_ms(finish(wrk.start(quiet, seconds), seconds))
    flooding_seconds = seconds + 2 * MARGIN_SECONDS
    flooding = wrk.start(flood, flooding_seconds)
    try:
        time.sleep(MARGIN_SECONDS)
        during = _p99_ms(finish(wrk.start(quiet, seconds), seconds))
    finally:
        finish(flooding, flooding_seconds)
    return alone, during


def _p99_ms(said: Said) -> float:
    """The p99; where nothing was answered at all, the time that was waited, which is too little."""
    return (said.p99 if said.requests else said.microseconds) / 1000
