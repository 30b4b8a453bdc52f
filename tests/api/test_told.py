"""What is really sent keeps to the schemas that the reference publishes."""

from typing import Any

import jsonschema
import pytest

from minibank.audit import audit
from minibank.db import Database
from minibank.webhooks.events import EVENTS, WEBHOOK_TEST
from tests.support.reference import document
from tests.support.told import record_told


@pytest.fixture
async def told(db: Database) -> dict[str, Any]:
    return await record_told(db)


def schema_of(event: str) -> dict[str, Any]:
    sent = document()["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
    return {**sent["schema"], "components": document()["components"]}


async def test_each_event_that_can_be_asked_for_happens_and_is_published(
    told: dict[str, Any], db: Database
) -> None:
    assert told.keys() == document()["webhooks"].keys()
    assert told.keys() == {*EVENTS, WEBHOOK_TEST}
    assert (await audit(db)).clean


async def test_each_body_keeps_to_its_schema(told: dict[str, Any]) -> None:
    for event, body in told.items():
        assert body.keys() == {"type", "data"}
        jsonschema.validate(body, schema_of(event), cls=jsonschema.Draft202012Validator)


async def test_a_body_of_another_event_does_not_keep_to_it(told: dict[str, Any]) -> None:
    for event in told.keys() - {"transaction.created"}:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(told["transaction.created"], schema_of(event))
