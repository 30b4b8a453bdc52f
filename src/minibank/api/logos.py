"""The logos of fictional merchants: files of this package, for everybody."""

import re
from functools import lru_cache
from importlib.resources import files

from minibank.api.answers import Answer
from minibank.api.endpoint import Edge, Request
from minibank.api.operation import Operation
from minibank.core.errors import NotFound

CACHE_SECONDS = 7 * 24 * 3600

# Nothing that could name a file elsewhere: no dot but the last, no slash, no percent sign.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.png", re.ASCII)

LOGO = Operation(
    tag="Service",
    summary="Fetch the logo of a fictional merchant",
    description="What `logo` of an expanded merchant points to.",
    path={"file": "Its name, which ends in `.png`."},
    answers=None,
    media="image/png",
    refuses=("not_found.logo",),
    public=True,
)


@lru_cache(maxsize=512)
def _find_logo(name: str) -> bytes | None:
    file = files("minibank.sandbox").joinpath("logos", name)
    return file.read_bytes() if file.is_file() else None


async def logo(edge: Edge, request: Request) -> Answer:
    """GET /logos/{file}: a picture that browsers may keep."""
    name = request.path["file"]
    picture = _find_logo(name) if _NAME.fullmatch(name) else None
    if picture is None:
        raise NotFound("logo", "There is no such logo")
    return Answer(
        200,
        picture,
        [
            (b"content-type", b"image/png"),
            (b"cache-control", f"public, max-age={CACHE_SECONDS}".encode()),
            (b"x-content-type-options", b"nosniff"),
        ],
    )
