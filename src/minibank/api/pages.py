"""The API's reference: the OpenAPI document, and a page that shows it without any other server."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.resources import files

from minibank.api.answers import Answer
from minibank.api.endpoint import Edge, Request, Runner
from minibank.api.openapi import About, build_document, read_examples
from minibank.api.operation import Operation
from minibank.api.routing import Route
from minibank.core.errors import NotFound

YEAR_SECONDS = 365 * 24 * 3600
VIEWER = "swagger-ui-5.35.0"
"""The version is in the address, so that browsers may keep the files for ever."""

_REFERENCE = files("minibank.api").joinpath("reference")
_HTML = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"
_FILES = {
    f"{VIEWER}.js": ("viewer/swagger-ui-bundle.js", _SCRIPT, YEAR_SECONDS),
    f"{VIEWER}.css": ("viewer/swagger-ui.css", _STYLE, YEAR_SECONDS),
    "start.js": ("start.js", _SCRIPT, 0),
    "look.css": ("look.css", _STYLE, 0),
}
# Nothing from elsewhere, nothing inline but the pictures in the viewer's style sheet.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

DOCUMENT = Operation(
    tag="Service",
    summary="Read this document",
    description="OpenAPI 3.1, for programs; there is a page that shows it to people.",
    answers=dict,
    public=True,
)
PAGE = Operation(
    tag="Service",
    summary="Open this page",
    answers=None,
    media=_HTML,
    public=True,
)
FILE = Operation(
    tag="Service",
    summary="Fetch a file of this page",
    path={"file": "Its name."},
    answers=None,
    media="text/*",
    refuses=("not_found.file",),
    public=True,
)


def document_of(routes: Callable[[], Iterable[Route]], about: About) -> Runner:
    """A document, for the table that it stands in itself: hence a function."""

    @lru_cache(maxsize=1)
    def build() -> Answer:
        document = build_document(routes(), read_examples(), about)
        return _answer(document, "application/json", 0)

    async def document(edge: Edge, request: Request) -> Answer:
        return build()

    return document


def page_of(file: str) -> Runner:
    """A page that shows a document."""

    async def page(edge: Edge, request: Request) -> Answer:
        return _read(file, _HTML, 0)

    return page


async def file(edge: Edge, request: Request) -> Answer:
    """GET /docs/{file}"""
    known = _FILES.get(request.path["file"])
    if known is None:
        raise NotFound("file", "There is no such file")
    return _read(*known)


@lru_cache(maxsize=len(_FILES) + 2)
def _read(path: str, media: str, cache_seconds: int) -> Answer:
    return _answer(_REFERENCE.joinpath(path).read_bytes(), media, cache_seconds)


def _answer(body: bytes, media: str, cache_seconds: int) -> Answer:
    # What has no version in its address is asked for again: a new bank may have a new one.
    kept = f"public, max-age={cache_seconds}, immutable" if cache_seconds else "no-cache"
    return Answer(
        200,
        body,
        [
            (b"content-type", media.encode()),
            (b"cache-control", kept.encode()),
            (b"content-security-policy", _POLICY.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ],
    )
