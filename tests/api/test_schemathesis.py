"""A program that knows the reference alone tries what it allows, and some of what it forbids."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from minibank.api.operator.routes import ROUTES as OPERATOR_ROUTES
from minibank.api.routes import ROUTES
from tests.support.asgi import RawRequest
from tests.support.bench import Bench
from tests.support.databases import Databases
from tests.support.reference import document

PLACE = "http://bank.example"
EXAMPLES = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
MODES = schemathesis.GenerationMode
REFERENCES = [schemathesis.openapi.from_dict(document(path)) for path in ("/", "/operator/")]
OPERATIONS = {
    one.label: one
    for reference in REFERENCES
    for one in (found.ok() for found in reference.get_all_operations())
}
KNOWN = st.booleans()
CAN_BE_BROKEN = [label for label, one in OPERATIONS.items() if [*one.query, *one.body]]
PROMISES = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Bench]:
    url = databases.new(request.param)
    made = Bench(url)
    yield made
    made.close()
    databases.discard(url)


def as_sent(case: schemathesis.Case, token: str) -> requests.PreparedRequest:
    """The request as it stands on the wire."""
    headers = {"Authorization": f"Bearer {token}"}
    wanted = case.as_transport_kwargs(base_url=PLACE, headers=headers)
    known = ("method", "url", "headers", "files", "data", "params", "cookies", "json")
    return requests.Request(**{name: wanted.get(name) for name in known}).prepare()


def answer_of(bench: Bench, case: schemathesis.Case) -> httpx.Response:
    sent = as_sent(case, bench.token_for(case.path))
    path, _, query = sent.path_url.encode().partition(b"?")
    body = sent.body or b""
    answer = bench.ask(
        RawRequest(
            method=sent.method or "",
            path=path,
            query=query,
            headers=[
                (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in sent.headers.items()
            ],
            body=body.encode() if isinstance(body, str) else cast(bytes, body),
        )
    )
    response = httpx.Response(
        answer.status,
        headers=answer.headers,
        content=answer.body,
        request=httpx.Request(sent.method or "", sent.url or ""),
    )
    response.elapsed = timedelta()
    return response


def with_known_ids(case: schemathesis.Case, bench: Bench) -> None:
    """What no program can guess: an account of the caller, and one of each thing there."""
    known = {
        "account_id": bench.account_id,
        "transaction_id": bench.transaction_id,
        "item_id": bench.item_id,
        "card_id": bench.card_id,
        "webhook_id": bench.webhook_id,
    }
    body = case.body if isinstance(case.body, dict) else {}
    for parameters in (case.path_parameters, case.query, body):
        for name in known.keys() & (parameters or {}).keys():
            parameters[name] = known[name]


def require_promised(bench: Bench, label: str, mode: object) -> None:
    @EXAMPLES
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), is_known=KNOWN)
    def ask(case: schemathesis.Case, is_known: bool) -> None:
        if is_known:
            with_known_ids(case, bench)
        if label.endswith("/logout"):
            bench.renew_token()
        case.validate_response(answer_of(bench, case), checks=PROMISES)

    ask()


def test_the_program_understands_every_operation():
    assert len(OPERATIONS) == len(ROUTES) + len(OPERATOR_ROUTES)


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_the_reference_allows_is_answered_as_it_says(bench, label):
    require_promised(bench, label, MODES.POSITIVE)


@pytest.mark.parametrize("label", CAN_BE_BROKEN)
def test_what_the_reference_forbids_is_refused_or_answered_as_it_says(bench, label):
    require_promised(bench, label, MODES.NEGATIVE)
