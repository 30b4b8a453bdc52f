"""Authlib on httpx, blocking and asynchronous: logs in, refreshes by itself, loses a race."""

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from authlib.integrations.httpx_client import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    AsyncOAuth2Client,
    OAuth2Client,
)

from tests.compatibility.clients.journey import Info, Report, refusal


def blocking(info: Info, method: str) -> Report:
    """Log in, refresh by hand, be refused the second time, and have an expired token refreshed."""
    user = info["users"][0]
    saved: list[dict[str, Any]] = []
    settings = {
        "client_id": info["client_id"],
        "client_secret": info["client_secret"],
        "token_endpoint": f"{info['base_url']}/oauth2/token",
        "token_endpoint_auth_method": method,
        "base_url": info["base_url"],
        "update_token": lambda token, **_: saved.append(dict(token)),
    }
    with OAuth2Client(**settings) as client:
        login = {"username": user["email"], "password": user["password"]}
        first = dict(client.fetch_token(grant_type="password", **login))
        report: Report = {"first": answer_of(client.get("/ping/whoami"))}
        second = dict(client.refresh_token())
        report["after_refresh"] = answer_of(client.get("/ping/whoami"))
        report["second_use"] = refusal(
            lambda: client.refresh_token(refresh_token=first["refresh_token"])
        )
    with OAuth2Client(
        **settings, token={"access_token": first["access_token"], "token_type": "Bearer"}
    ) as client:
        report["old_access"] = answer_of(client.get("/ping/whoami"))
    with OAuth2Client(**settings, token=second | {"expires_at": 1}) as client:
        report["after_automatic_refresh"] = answer_of(client.get("/ping/whoami"))
    report["distinct_tokens"] = len(
        {first["access_token"], second["access_token"], saved[-1]["access_token"]}
    )
    with OAuth2Client(**settings | {"client_secret": "wrong"}) as client:
        report["wrong_secret"] = refusal(lambda: client.fetch_token(grant_type="password", **login))
    return report


async def concurrent(info: Info) -> Report:
    """Two refreshes of one token at the same time: who may win is one."""
    user = info["users"][0]
    settings = {
        "client_id": info["client_id"],
        "client_secret": info["client_secret"],
        "token_endpoint": f"{info['base_url']}/oauth2/token",
        "base_url": info["base_url"],
    }
    async with AsyncOAuth2Client(**settings) as client:
        token = dict(
            await client.fetch_token(
                grant_type="password", username=user["email"], password=user["password"]
            )
        )

    async def attempt() -> str:
        async with AsyncOAuth2Client(**settings, token=dict(token)) as racer:
            try:
                await racer.refresh_token()
            except Exception as error:  # which exception it is, is what the test wants to know
                return type(error).__name__
            return str((await racer.get("/ping/whoami")).status_code)

    return {"race": sorted(await asyncio.gather(*(attempt() for _ in range(4))))}


def answer_of(answer: Any) -> Report:
    """Status and body of an answer."""
    return {"status": answer.status_code, "body": answer.json()}


def main(info: Info) -> Report:
    """Every way, one after the other: a new login ends the tokens of the one before."""
    return {
        "library": f"authlib {version('authlib')}",
        "client_secret_basic": blocking(info, "client_secret_basic"),
        "client_secret_post": blocking(info, "client_secret_post"),
        "concurrent": asyncio.run(concurrent(info)),
    }


if __name__ == "__main__":
    json.dump(main(json.loads(Path(sys.argv[1]).read_text())), sys.stdout)
