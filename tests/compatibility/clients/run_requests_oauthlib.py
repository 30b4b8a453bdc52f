"""requests-oauthlib, old and new: logs in, refreshes by Basic alone and by itself."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from oauthlib.oauth2 import LegacyApplicationClient  # type: ignore[import-not-found, import-untyped, unused-ignore]
from requests.auth import HTTPBasicAuth  # type: ignore[import-not-found, import-untyped, unused-ignore]
from requests_oauthlib import OAuth2Session  # type: ignore[import-not-found, import-untyped, unused-ignore]

from tests.compatibility.clients.journey import Info, Report, refusal


def main(info: Info) -> Report:
    """Log in, refresh in each of the library's ways, and use a spent refresh token."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    user = info["users"][0]
    token_url = f"{info['base_url']}/oauth2/token"
    basic = HTTPBasicAuth(info["client_id"], info["client_secret"])
    login = {"username": user["email"], "password": user["password"]}

    def whoami(session: Any) -> Report:
        answer = session.get(f"{info['base_url']}/ping/whoami")
        return {"status": answer.status_code, "body": answer.json()}

    session = OAuth2Session(client=LegacyApplicationClient(client_id=info["client_id"]))
    first = dict(session.fetch_token(token_url, auth=basic, **login))
    report: Report = {
        "library": f"requests-oauthlib {version('requests-oauthlib')}",
        "first": whoami(session),
    }

    second = dict(session.refresh_token(token_url, auth=basic))
    report["after_basic_refresh"] = whoami(session)
    report["second_use"] = refusal(
        lambda: session.refresh_token(token_url, first["refresh_token"], auth=basic)
    )
    report["old_access"] = whoami(
        OAuth2Session(info["client_id"], token={"access_token": first["access_token"]})
    )

    saved: list[dict[str, Any]] = []
    automatic = OAuth2Session(
        info["client_id"],
        token=second | {"expires_at": 1},
        auto_refresh_url=token_url,
        auto_refresh_kwargs={
            "client_id": info["client_id"],
            "client_secret": info["client_secret"],
        },
        token_updater=saved.append,
    )
    report["after_automatic_refresh"] = whoami(automatic)
    report["distinct_tokens"] = len(
        {first["access_token"], second["access_token"], saved[0]["access_token"]}
    )
    report["wrong_secret"] = refusal(
        lambda: OAuth2Session(info["client_id"], token=saved[0]).refresh_token(
            token_url, auth=HTTPBasicAuth(info["client_id"], "wrong")
        )
    )
    report["at_the_end"] = whoami(automatic)
    return report


if __name__ == "__main__":
    json.dump(main(json.loads(Path(sys.argv[1]).read_text())), sys.stdout)
