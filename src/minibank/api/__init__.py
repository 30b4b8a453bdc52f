"""The JSON edge: the API that clients speak."""

from minibank.api.edge import Api
from minibank.api.endpoint import Edge
from minibank.api.routes import ROUTES
from minibank.api.routing import Table
from minibank.db import Database
from minibank.payments.engine import Engine
from minibank.settings import Settings

__all__ = ["Api", "build_api"]


def build_api(db: Database, engine: Engine, settings: Settings) -> Api:
    """The API of one bank as an ASGI application.

    `settings.public_url` is where clients reach it: absolute URLs in answers begin with it.
    """
    return Api(Edge(db, engine, settings), Table(ROUTES))
