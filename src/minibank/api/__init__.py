"""The JSON edge: the API that clients speak."""

from minibank.api.edge import Api
from minibank.api.endpoint import Edge, Watch
from minibank.api.operator.routes import ROUTES as OPERATOR_ROUTES
from minibank.api.routes import ROUTES
from minibank.api.routing import Table
from minibank.db import Database
from minibank.oauth.metrics import TokenMetrics
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.signing import SigningKeys

__all__ = ["Api", "Watch", "build_api"]


def build_api(
    db: Database,
    engine: Engine,
    settings: Settings,
    watch: Watch | None = None,
    tokens: TokenMetrics | None = None,
    signing: SigningKeys | None = None,
) -> Api:
    """The API of one bank as an ASGI application.

    `settings.public_url` is where clients reach it: absolute URLs in answers begin with it.
    `signing` is what signs what webhooks are told.
    """
    edge = Edge(
        db,
        engine,
        settings,
        watch or Watch(),
        tokens or TokenMetrics(),
        signing or SigningKeys(),
    )
    routes = (*ROUTES, *OPERATOR_ROUTES) if settings.operator_api else ROUTES
    return Api(edge, Table(routes))
