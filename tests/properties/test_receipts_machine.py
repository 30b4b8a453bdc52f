"""Receipts over HTTP against a dictionary: whoever puts, reads and deletes them, in any order."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.support.asgi import RawAnswer, RawRequest
from tests.support.bench import Bench
from tests.support.databases import Databases
from tests.support.receipts import BURGER

PATH = b"/transaction-receipts"
NAMES = st.sampled_from(["Order-1", "Order-2", "o", "Örder 🍔"])
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "description": st.sampled_from(["Tea", "Café ☕"]),
            "amount": st.integers(-(10**15), 10**15),
            "currency": st.just("GBP"),
        },
        optional={
            "quantity": st.integers(-(10**20), 10**20),
            "unit": st.sampled_from(["", "kg"]),
            "tax": st.integers(-99, 99),
        },
    ),
    max_size=3,
)
EMPTY = {"quantity": 0, "unit": "", "tax": 0, "sub_items": []}


class ReceiptsMachine(RuleBasedStateMachine):
    """One app of one user, and what it should have on the bank: ids and contents by name."""

    bench: ClassVar[Bench]

    @initialize()
    def begin(self) -> None:
        self.kept: dict[str, tuple[str, dict[str, Any]]] = {}
        for name in ("Order-1", "Order-2", "o", "Örder 🍔"):
            self.ask("DELETE", {"external_id": name})

    def ask(self, method: str, said: object) -> RawAnswer:
        """A request with this body, which for all but a `PUT` is read as parameters."""
        headers = [(b"authorization", b"Bearer " + self.bench.token.encode())]
        return self.bench.ask(RawRequest(method, PATH, b"", headers, json.dumps(said).encode()))

    @rule(name=NAMES, items=ITEMS, total=st.integers(1, 10**15), is_long=st.booleans())
    def put(self, name: str, items: list[dict[str, Any]], total: int, *, is_long: bool) -> None:
        said: dict[str, Any] = dict(BURGER) if is_long else {"currency": "GBP"}
        said |= {"items": items, "total": total, "external_id": name}
        said["transaction_id"] = self.bench.transaction_id
        answer = self.ask("PUT", said)
        assert answer.status == 200, answer
        receipt_id = answer.json()["receipt_id"]
        if name in self.kept:
            assert receipt_id == self.kept[name][0]
        else:
            assert receipt_id not in {known for known, _ in self.kept.values()}
        self.kept[name] = receipt_id, said

    @rule(name=NAMES)
    def put_nonsense(self, name: str) -> None:
        answer = self.ask("PUT", {**BURGER, "external_id": name, "transaction_id": "tx_1"})
        assert answer.status == 403

    @rule(name=NAMES)
    def read(self, name: str) -> None:
        answer = self.ask("GET", {"external_id": name})
        assert answer.status == (200 if name in self.kept else 404)
        if name in self.kept:
            receipt_id, said = self.kept[name]
            shown = answer.json()["receipt"]
            assert (shown["id"], shown["total"]) == (receipt_id, said["total"])
            assert shown["items"] == [EMPTY | item for item in said["items"]]
            assert len(shown["payments"]) == len(said.get("payments", []))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        answer = self.ask("DELETE", {"external_id": name})
        assert answer.status == (200 if name in self.kept else 404)
        self.kept.pop(name, None)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bench(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Bench]:
    url = databases.new(request.param)
    made = Bench(url)
    yield made
    made.close()
    databases.discard(url)


def test_receipts_are_what_was_last_put_under_their_names(bench: Bench):
    ReceiptsMachine.bench = bench
    run_state_machine_as_test(
        ReceiptsMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
