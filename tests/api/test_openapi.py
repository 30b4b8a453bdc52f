"""The reference: whole, true, and readable without any other server."""

import dataclasses
import re
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from minibank.api.catalogue import CATALOGUE, meaning_of, status_of
from minibank.api.documents import API
from minibank.api.openapi import build_document
from minibank.api.pages import VIEWER
from minibank.api.routes import ROUTES
from minibank.api.routing import Route
from tests.support import example_steps, examples
from tests.support.databases import Databases
from tests.support.reference import document, validator

ELSEWHERE = re.compile(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""")


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, place in document()["paths"].items()
        for method, operation in place.items()
    ]


def references(value: object) -> set[str]:
    """Every `$ref` inside."""
    if isinstance(value, list):
        return {found for one in value for found in references(one)}
    if not isinstance(value, dict):
        return set()
    here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return here | {found for one in value.values() for found in references(one)}


def test_every_endpoint_is_documented():
    undocumented = [f"{one.method} {one.path}" for one in ROUTES if one.operation is None]
    assert undocumented == [], "give the route an Operation"
    assert {name for name, _ in operations()} == {f"{one.method} {one.path}" for one in ROUTES}


def test_an_endpoint_without_a_word_would_be_missing():
    bare = Route("GET", "/nothing", ROUTES[0].run)
    built = msgspec.json.decode(build_document([bare, ROUTES[-1]], {}, API))
    assert list(built["paths"]) == [ROUTES[-1].path]


def test_path_segments_that_nobody_describes_are_noticed():
    one = next(route for route in ROUTES if route.path == "/logos/{file}")
    assert one.operation is not None
    bare = dataclasses.replace(one, operation=dataclasses.replace(one.operation, path={}))
    with pytest.raises(AssertionError, match="describes"):
        build_document([bare], {}, API)


def test_the_document_points_at_nothing_that_is_not_in_it():
    found = references(document())
    assert found
    for reference in found:
        here: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]


def test_every_schema_is_a_schema_and_every_operation_has_a_name_of_its_own():
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names) == len(ROUTES)


def test_parameters_are_documented_in_every_form_they_may_come_in():
    patch = document()["paths"]["/transactions/{transaction_id}"]["patch"]
    assert [(one["in"], one["name"]) for one in patch["parameters"]] == [
        ("path", "transaction_id"),
        ("query", "expand[]"),
        ("query", "expand"),
        ("query", "metadata"),
        ("header", "If-Match"),
    ]
    content = patch["requestBody"]["content"]
    forms = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"]
    assert list(content) == forms
    assert content[forms[0]]["encoding"] == {"metadata": {"style": "deepObject", "explode": True}}
    check = Draft202012Validator(content["application/json"]["schema"])
    bodies: tuple[dict[str, object], ...] = (
        {"metadata": {"a": "b", "c": None}},
        {"metadata[a]": "b"},
        {"expand[]": []},
    )
    for body in bodies:
        assert check.is_valid(body)
    assert not check.is_valid({"metadata": "text"})
    assert not check.is_valid({"metadata[a]": 1})


def test_a_credential_is_documented_for_the_body_alone():
    token = document()["paths"]["/oauth2/token"]["post"]
    assert token["parameters"] == []
    assert token["security"] == [{}, {"client": []}]
    body = token["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["grant_type"]


async def test_what_needs_a_token_says_so_and_what_does_not_is_answered_without(bank):
    bank.api.headers.pop("Authorization")
    for name, operation in operations():
        method, path = name.split()
        answer = await bank.api.request(method, path.replace("{", "").replace("}", ""))
        is_refused = (
            answer.json()["code"] == "unauthorized.bad_access_token"
            if (answer.status_code == 401)
            else False
        )
        assert is_refused == (operation["security"] == [{"bearer": []}]), name


def test_every_code_of_the_catalogue_has_a_meaning_and_the_status_of_its_first_part():
    for kind, codes in CATALOGUE.items():
        for code in codes:
            assert code.partition(".")[0] == kind.segment
            assert status_of(code) == kind.status
            assert meaning_of(code)


@pytest.mark.parametrize(
    ("path", "steps"), [("/", example_steps.STEPS), ("/operator/", example_steps.OPERATOR_STEPS)]
)
def test_every_example_is_of_the_documented_form(path, steps):
    count = 0
    for place in document(path)["paths"].values():
        for operation in place.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    for example in content.get("examples", {}).values():
                        validator(content["schema"], path).validate(example["value"])
                        count += 1
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for example in content.get("examples", {}).values():
                    Draft202012Validator(content["schema"]).validate(example["value"])
    assert count == len(steps)


async def test_examples_are_what_the_bank_really_answers(engine: str, databases: Databases):
    url = databases.new(engine, migrated=False)
    recorded = await examples.record(url)
    databases.discard(url)
    written = msgspec.json.decode(examples.FILE.read_bytes())
    assert recorded == written, "run: python -m tests.support.examples"


async def test_the_document_is_served(bank):
    answer = await bank.api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()
    assert answer.json()["openapi"].startswith("3.1.")


async def test_the_page_and_its_files_come_from_this_bank_alone(bank):
    page = await bank.api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not ELSEWHERE.search(page.text)
    named = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
    assert len(named) == 4
    for path in named:
        found = await bank.api.get(path)
        assert found.status_code == 200
        assert found.headers["x-content-type-options"] == "nosniff"
        is_kept = "immutable" in found.headers["cache-control"]
        assert is_kept == path.startswith(f"/docs/{VIEWER}")
    policy = dict(one.split(" ", 1) for one in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == policy["script-src"] == "'self'"
    assert not any("unsafe" in one or "http" in one or "*" in one for one in policy.values())


@pytest.mark.parametrize("name", ["nothing.js", "%2e%2e%2fintroduction.md", "LICENSE"])
async def test_no_other_file_is_served(bank, name):
    answer = await bank.api.get(f"/docs/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found.file"
