"""The JSON edge: the API that clients speak."""

from minibank.api.edge import Api
from minibank.api.endpoint import Edge, Watch
from minibank.api.operator.routes import ROUTES as OPERATOR_ROUTES
from minibank.api.routes import ROUTES
from minibank.api.routing import Table
from minibank.attachments.signatures import UploadKeys
from minibank.db import Database
from minibank.files import Files
from minibank.oauth.metrics import TokenMetrics
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.signing import SigningKeys

__all__ = ["Api", "Watch", "build_api"]


def build_api(  # noqa: PLR0913 - each is a part that a test may replace
    db: Database,
    engine: Engine,
    settings: Settings,
    watch: Watch | None = None,
    tokens: TokenMetrics | None = None,
    signing: SigningKeys | None = None,
    *,
    uploads: UploadKeys | None = None,
    files: Files | None = None,
) -> Api:
    """The API of one bank as an ASGI application.

    `settings.public_url` is where clients reach it: absolute URLs in answers begin with it.
    `signing` is what signs what webhooks are told, `uploads` the addresses to which files are sent;
    `files` is where those are kept.
    """
    edge = Edge(
        db,
        engine,
        settings,
        watch or Watch(),
        tokens or TokenMetrics(),
        signing or SigningKeys(),
        uploads or UploadKeys(),
        files,
    )
    routes = (*ROUTES, *OPERATOR_ROUTES) if settings.operator_api else ROUTES
    return Api(edge, Table(routes))
