"""What the scripts of all Python clients share: the first token, and the report they print.

A script is given the file written by `minibank demo --info FILE`, takes its library through
everything a customer's app does, for each customer of the demo, and prints what it saw as JSON.
Each library has an environment of its own, so this module uses nothing beyond the standard library.
"""

import calendar
import json
import sys
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

HOOK = "https://app.example/hooks?key=wEXQbNaJ"
"""Where nobody is told anything: the script deletes the webhook at once."""

Info = dict[str, Any]
Report = dict[str, Any]


def first_token(info: Info, user: Info) -> dict[str, Any]:
    """Log in by the password grant over plain HTTP, for libraries that lack that grant."""
    form = {
        "grant_type": "password",
        "client_id": info["client_id"],
        "client_secret": info["client_secret"],
        "username": user["email"],
        "password": user["password"],
    }
    with urlopen(
        f"{info['base_url']}/oauth2/token", data=urlencode(form).encode(), timeout=30
    ) as answer:
        token: dict[str, Any] = json.load(answer)
    return token


def refusal(attempt: Callable[[], object]) -> dict[str, str] | None:
    """How the library told that it was refused (type and text), or None when it was not."""
    try:
        attempt()
    except Exception as error:  # which exception it is, is what the test wants to know
        return {"type": type(error).__name__, "text": str(error)}
    return None


def seconds(instant: datetime | None) -> int | None:
    """A library's datetime (aware, or naive and meaning UTC) as whole seconds since 1970."""
    return None if instant is None else calendar.timegm(instant.utctimetuple())


def main(distribution: str, travel: Callable[[Info, Info], Report]) -> None:
    """Run `travel(info, user)` for each customer in the file named first, and print the report."""
    info = json.loads(Path(sys.argv[1]).read_text())
    customers = [travel(info, user) for user in info["users"]]
    json.dump(
        {"library": f"{distribution} {version(distribution)}", "customers": customers}, sys.stdout
    )
