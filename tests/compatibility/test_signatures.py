"""What a receiver is sent, verified by the independent libraries in Python and in JavaScript."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from minibank.app.bank import open_bank
from minibank.core.keys import write_new_key
from minibank.identity.store import find_user
from minibank.settings import Settings
from tests.compatibility import environments
from tests.support.banking import open_holder
from tests.support.callers import add_client, add_token
from tests.support.receiver import answering, receiving
from tests.support.sending import pay, until

pytestmark = pytest.mark.timeout(400)

SCRIPT = Path(__file__).parent / "clients" / "verify_webhooks.js"


@pytest.fixture
async def delivered(database_url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """What a bank with a server key sent, before and after a secret was rotated.

    Each with the secret that its client was shown at first, and then a forgery.
    """
    write_new_key(tmp_path / "server.key", b"k" * 32)
    settings = Settings(database=database_url, server_key_file=str(tmp_path / "server.key"))
    async with receiving(answering()) as receiver, open_bank(settings) as bank:
        holder, app = await open_holder(bank.db, 1000), (await add_client(bank.db)).client
        user = await bank.db.read(lambda tx: find_user(tx, holder.user_ids[0]))
        assert user is not None
        headers = {"Authorization": f"Bearer {await add_token(bank.db, app, user)}"}
        transport = httpx.ASGITransport(bank.api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://bank.example", headers=headers
        ) as api:
            form = {"account_id": holder.account_id, "url": receiver.url(), "show_secret": "true"}
            webhook = (await api.post("/webhooks", data=form)).json()["webhook"]
            await pay(bank.engine, holder)
            await until(lambda: asyncio.sleep(0, len(receiver.requests) == 1))
            await api.post(f"/webhooks/{webhook['id']}/rotate_secret")
            await pay(bank.engine, holder)
            await until(lambda: asyncio.sleep(0, len(receiver.requests) == 2))
    requests = [
        {"secret": webhook["secret"], "headers": one.headers, "body": one.body.decode()}
        for one in receiver.requests
    ]
    return [*requests, requests[0] | {"body": requests[0]["body"].replace("-1", "-2")}]


def test_the_library_for_python_accepts_what_was_sent(delivered: list[dict[str, Any]]) -> None:
    *sent, forged = delivered
    for one in sent:
        body = Webhook(one["secret"]).verify(one["body"], one["headers"])
        assert body["type"] == "transaction.created"
    with pytest.raises(WebhookVerificationError):
        Webhook(forged["secret"]).verify(forged["body"], forged["headers"])


def test_the_library_for_javascript_accepts_what_was_sent(delivered: list[dict[str, Any]]) -> None:
    try:
        launcher = environments.launcher("javascript")
    except environments.InstallFailed as failure:
        pytest.fail(str(failure), pytrace=False)
    said = subprocess.run(
        [str(launcher.program), str(SCRIPT)],
        input=json.dumps(delivered),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | launcher.variables,
    )
    verdicts = ["transaction.created", "transaction.created", "WebhookVerificationError"]
    assert json.loads(said.stdout) == verdicts
