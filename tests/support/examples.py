"""The examples of the reference: real requests to the demo bank, and what it really answered.

`python -m tests.support.examples` writes them anew; a test asks the same again.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog

from minibank.api import build_api
from minibank.core.clock import FakeClock
from minibank.core.ids import SeededIds
from minibank.db import Database, open_database
from minibank.db.migrate import migrate
from minibank.payments.engine import Engine
from minibank.sandbox.demo import DemoInfo, build_demo
from minibank.settings import preset
from tests.support.example_steps import OPERATOR_STEPS, STEPS, Step
from tests.support.told import record_told

FILE = Path(__file__).parents[2] / "src/minibank/api/reference/examples.json"
NOON = 1_773_144_000_000_000
"""2026-03-10 12:00 UTC, the instant of all examples."""


async def record(database_url: str) -> dict[str, Any]:
    """Build the demo in this empty database, and play every step."""
    db = await open_database(database_url, clock=FakeClock(NOON), ids=SeededIds("examples"))
    try:
        await migrate(db)
        player = _Player(db, await build_demo(db, "examples"))
        await player.play()
        for event, body in (await record_told(db)).items():
            player.recorded[event] = {"sent": body}
    finally:
        await db.close()
    return player.recorded


class _Player:
    def __init__(self, db: Database, info: DemoInfo) -> None:
        user = info.users[1]
        self._db = db
        self._known = {
            "client_id": info.client_id,
            "client_secret": info.client_secret,
            "email": user.email,
            "password": user.password,
            "account_id": user.accounts[0].id,
            "owner_id": user.user_id,
            "file": "nothing.png",
            "sequence": "2",
            "then": "2026-03-10T12:00:00.000Z",
            "operator_key": info.operator_key,
            "payee_account_id": info.users[0].accounts[0].id,
            "user_id": "user_0000B0000000000000000000",
            "upload_id": "upload_0000B0000000000000000000",
        }
        self.recorded: dict[str, Any] = {}

    async def play(self) -> None:
        settings = preset("sandbox", public_url="https://bank.example")
        transport = httpx.ASGITransport(build_api(self._db, Engine(self._db), settings))
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            for step in (*STEPS, *OPERATOR_STEPS):
                await self._ask(client, step)

    async def _ask(self, client: httpx.AsyncClient, step: Step) -> None:
        method, path = step.operation.split()
        takes = {name: value.format_map(self._known) for name, value in step.takes.items()}
        body = None if step.body is None else self._look_up(step.body)
        headers = {"Authorization": f"Bearer {step.token.format_map(self._known)}"}
        if step.key:
            headers["Idempotency-Key"] = step.key
        text = step.text.format_map(self._known)
        if text:
            headers["Content-Type"] = "text/csv"
        answer = await client.request(
            method,
            path.format_map(self._known),
            headers=headers,
            params=takes if method == "GET" or body is not None else None,
            data=takes if method != "GET" and body is None and not text else None,
            content=text or None,
            json=body,
        )
        answered = answer.json()
        assert answer.status_code < 500, f"{step.operation} ({step.name}) was answered {answered}"
        self._learn(answered)
        mine = self.recorded.setdefault(step.operation, {"requests": {}, "answers": {}})
        if method != "GET" and (takes or body or text):
            mine["requests"][step.name] = text or body or _nested(takes)
        mine["answers"].setdefault(str(answer.status_code), {})[step.name] = answered

    def _look_up(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body where texts at its top may be names of what is known."""
        return {
            name: value.format_map(self._known) if isinstance(value, str) else value
            for name, value in body.items()
        }

    def _learn(self, body: Mapping[str, Any]) -> None:
        if "access_token" in body:
            name = "new_token" if "token" in self._known else "token"
            self._known[name] = body["access_token"]
            self._known.setdefault("refresh_token", body["refresh_token"])
        for name, of_list, place in (
            ("transaction_id", "transactions", -1),
            ("item_id", "items", 0),
            ("card_id", "cards", 0),
            ("pot_id", "pots", 0),
            ("file_id", "clearing_files", 0),
        ):
            if body.get(of_list):
                self._known.setdefault(name, body[of_list][place]["id"])
        for name in ("authorisation_id", "file_url"):
            if body.get(name):
                self._known[name] = body[name]
        for name in ("attachment", "webhook"):
            if name in body:
                self._known[f"{name}_id"] = body[name]["id"]


def _nested(takes: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form as the reference has them: `metadata[key]` is an object."""
    found: dict[str, Any] = {}
    for name, value in takes.items():
        outer, bracket, inner = name.partition("[")
        if bracket:
            found.setdefault(outer, {})[inner.removesuffix("]")] = value
        else:
            found[name] = value
    return found


async def _write() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as directory:
        recorded = await record(f"sqlite:///{directory}/bank.db")
    encoded = msgspec.json.format(msgspec.json.encode(recorded), indent=1)
    await asyncio.to_thread(FILE.write_bytes, encoded + b"\n")


if __name__ == "__main__":
    asyncio.run(_write())
