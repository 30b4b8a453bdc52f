"""The table of routes."""

import pytest

from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Edge, Request
from minibank.api.routes import ROUTES
from minibank.api.routing import Route, Table


async def _run(edge: Edge, request: Request) -> Answer:
    return answer_json({})


TABLE = Table(
    [
        Route("GET", "/pots", _run),
        Route("GET", "/pots/listV1", _run),
        Route("GET", "/pots/{pot_id}", _run),
        Route("PATCH", "/pots/{pot_id}", _run),
        Route("PUT", "/pots/{pot_id}/deposit", _run),
    ]
)


@pytest.mark.parametrize(
    ("segments", "path", "named"),
    [
        (("pots",), "/pots", {}),
        (("pots", "listV1"), "/pots/listV1", {}),
        (("pots", "pot_1"), "/pots/{pot_id}", {"pot_id": "pot_1"}),
        (("pots", "a/b"), "/pots/{pot_id}", {"pot_id": "a/b"}),
        (("pots", "pot_1", "deposit"), "/pots/{pot_id}/deposit", {"pot_id": "pot_1"}),
    ],
)
def test_a_place_is_found_by_its_segments_and_the_first_that_fits_wins(segments, path, named):
    found = TABLE.find(segments)
    assert found is not None
    assert (found[0].path, found[1]) == (path, named)


@pytest.mark.parametrize("segments", [(), ("nope",), ("pots", "x", "y"), ("pots", "x", "y", "z")])
def test_other_paths_have_no_place(segments):
    assert TABLE.find(segments) is None


def test_a_place_knows_all_its_methods():
    found = TABLE.find(("pots", "pot_1"))
    assert found is not None
    assert found[0].methods == ["GET", "PATCH", "HEAD", "OPTIONS"]


def test_one_path_and_method_has_one_endpoint():
    with pytest.raises(AssertionError):
        Table([Route("GET", "/a", _run), Route("GET", "/a", _run)])
    assert Table(ROUTES)
